{{/*
What a crawler's pod gets. Each takes the chart's own context: in a chart that
depends on this one, .Subcharts.proxymeter.
*/}}

{{/* Labels of the pod: what the PodMonitor selects by. */}}
{{- define "proxymeter.podLabels" -}}
proxymeter/metered: "true"
{{- end -}}

{{/* Annotations of the pod; may be empty. */}}
{{- define "proxymeter.podAnnotations" -}}
{{- if .Values.crawler.scrapeAnnotations -}}
prometheus.io/scrape: "true"
prometheus.io/port: {{ .Values.collector.metricsPort | quote }}
prometheus.io/path: /metrics
{{- end -}}
{{- end -}}

{{/* env of each crawler's container. */}}
{{- define "proxymeter.env" -}}
- name: LD_PRELOAD
  value: {{ with .Values.crawler.preload }}{{ . }}:{{ end }}/opt/proxymeter/libproxymeter.so
- name: PROXYMETER_DIR
  value: /run/proxymeter/pod
{{- with .Values.crawler.vendor }}
- name: PROXYMETER_VENDOR
  value: {{ . }}
{{- end }}
{{- end -}}

{{/*
volumeMounts of each crawler's container. By subPath, since everybody may write
to the volume's own top: a crawler could put another directory in its place.
*/}}
{{- define "proxymeter.volumeMounts" -}}
- name: proxymeter-library
  mountPath: /opt/proxymeter
  readOnly: true
- name: proxymeter-run
  mountPath: /run/proxymeter/pod
  subPath: pod
{{- end -}}

{{- define "proxymeter.volumes" -}}
- name: proxymeter-library
  emptyDir:
    sizeLimit: 16Mi
- name: proxymeter-run
  emptyDir:
    medium: Memory
    sizeLimit: {{ .Values.crawler.runSize }}
- name: proxymeter-ledger
  emptyDir:
    sizeLimit: {{ .Values.collector.ledgerSize }}
- name: proxymeter-vendors
  configMap:
    name: {{ include "proxymeter.configMap" . }}
{{- end -}}

{{- define "proxymeter.securityContext" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
readOnlyRootFilesystem: true
runAsGroup: {{ .Values.collector.runAsGroup | int64 }}
runAsNonRoot: true
runAsUser: {{ .Values.collector.runAsUser | int64 }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* initContainers of the pod: before all others, so that they end after them. */}}
{{- define "proxymeter.initContainers" -}}
{{/*
install(1) makes a new file and leaves one that is mapped alone, should the
kubelet run this again. The directory is the collector's from the beginning: the
kubelet would make it root's for the crawler's subPath.
*/ -}}
- name: proxymeter-install
  image: {{ include "proxymeter.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command:
    - /bin/sh
    - -ec
    - |
      install -m 0644 /usr/local/lib/libproxymeter.so /opt/proxymeter/
      install -d -m 0755 /run/proxymeter/pod
  resources:
    limits:
      cpu: 100m
      memory: 32Mi
    requests:
      cpu: 10m
      memory: 16Mi
  securityContext:
    {{- include "proxymeter.securityContext" . | nindent 4 }}
  volumeMounts:
    - name: proxymeter-library
      mountPath: /opt/proxymeter
    - name: proxymeter-run
      mountPath: /run/proxymeter
{{- if .Values.collector.nativeSidecar }}
{{ include "proxymeter.collector" . }}
{{- end }}
{{- end -}}

{{/* Further containers of the pod; may be empty. */}}
{{- define "proxymeter.containers" -}}
{{- if not .Values.collector.nativeSidecar -}}
{{ include "proxymeter.collector" . }}
{{- end -}}
{{- end -}}

{{- define "proxymeter.collector" -}}
- name: proxymeter-collector
  image: {{ include "proxymeter.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  {{- if .Values.collector.nativeSidecar }}
  restartPolicy: Always
  {{- end }}
  command:
    - /usr/local/bin/proxymeter
  args:
    - collector
    - --config
    - /etc/proxymeter/vendors.yaml
    - --ledger
    - /var/lib/proxymeter/ledger.db
    - --metrics-listen
    - {{ printf ":%d" (int64 .Values.collector.metricsPort) | quote }}
    - --linger
    - {{ .Values.collector.linger | int64 | quote }}
    {{- if ne (int64 .Values.collector.foldIdle) 86400 }}
    - --fold-idle
    - {{ .Values.collector.foldIdle | int64 | quote }}
    {{- end }}
    {{- if ne (int64 .Values.collector.maxDestinations) 10000 }}
    - --max-destinations
    - {{ .Values.collector.maxDestinations | int64 | quote }}
    {{- end }}
    {{- if not .Values.collector.audit }}
    - --no-audit
    {{- end }}
  env:
    - name: PROXYMETER_DIR
      value: /run/proxymeter/pod
    - name: POD_NAME
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
    - name: POD_NAMESPACE
      valueFrom:
        fieldRef:
          fieldPath: metadata.namespace
  ports:
    - name: pm-metrics
      containerPort: {{ .Values.collector.metricsPort | int64 }}
  {{- if and .Values.collector.nativeSidecar .Values.collector.startFirst }}
  startupProbe:
    httpGet:
      path: /readyz
      port: pm-metrics
    periodSeconds: 1
    failureThreshold: 120
  {{- end }}
  livenessProbe:
    httpGet:
      path: /healthz
      port: pm-metrics
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  readinessProbe:
    httpGet:
      path: /readyz
      port: pm-metrics
    periodSeconds: 5
    timeoutSeconds: 5
  resources:
    {{- toYaml .Values.collector.resources | nindent 4 }}
  securityContext:
    {{- include "proxymeter.securityContext" . | nindent 4 }}
  volumeMounts:
    - name: proxymeter-run
      mountPath: /run/proxymeter
    - name: proxymeter-ledger
      mountPath: /var/lib/proxymeter
    - name: proxymeter-vendors
      mountPath: /etc/proxymeter
      readOnly: true
{{- end -}}
