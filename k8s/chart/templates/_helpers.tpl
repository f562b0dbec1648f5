{{- define "proxymeter.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "proxymeter.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "proxymeter.configMap" -}}
{{- default (include "proxymeter.fullname" .) .Values.vendors.configMap -}}
{{- end -}}

{{- define "proxymeter.labels" -}}
app.kubernetes.io/name: proxymeter
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What everything of the example selects its pods by: never to change. */}}
{{- define "proxymeter.example.selector" -}}
app.kubernetes.io/name: proxymeter-example
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
