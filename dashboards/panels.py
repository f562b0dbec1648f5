"""Panels of the dashboards, as far as Grafana's JSON needs to know of them.

A board is a list of rows; a row is a title and lists of panels that stand side by
side. Places and ids follow from the order.
"""

import dataclasses

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24

# Which traffic a panel shows: variables that every board has. All stands for any
# value, none at all included: not every Prometheus knows namespaces.
VENDOR = 'proxy_vendor=~"$vendor"'
NAMESPACE = 'pod_namespace=~"$namespace"'
POD = f'{NAMESPACE}, pod_name=~"$pod"'
VENDOR_POD = f"{VENDOR}, {POD}"
# Of so many series by pod that graphs would take long.
VENDOR_NAMESPACE = f"{VENDOR}, {NAMESPACE}"


@dataclasses.dataclass(frozen=True)
class Query:
    """`legend` may name labels in {{}}; a table takes the last value alone."""

    expr: str
    legend: str = "__auto"


@dataclasses.dataclass(frozen=True)
class Panel:
    title: str
    description: str
    queries: tuple
    kind: str = "timeseries"
    unit: str = "short"
    width: int = 12
    height: int = 8
    stack: bool = False
    decimals: int = None
    minimum: float = 0
    maximum: float = None
    # (colour, from which value on) after the first, which is green.
    thresholds: tuple = ()
    # Of numbers: what they are called.
    mappings: tuple = ()
    # Of tables: (column, title, unit), in order; and the column that is sorted by.
    columns: tuple = ()
    sort: str = None
    # (column, title, url) that leads on.
    link: tuple = None
    # Why the panel is rightly empty where nothing is wrong.
    empty_when: str = None


def _thresholds(panel):
    steps = [{"color": "green", "value": None}]
    steps += [{"color": c, "value": v} for c, v in panel.thresholds]
    return {"mode": "absolute", "steps": steps}


def _defaults(panel):
    defaults = {
        "color": {"mode": "palette-classic"},
        "mappings": [
            {
                "type": "value",
                "options": {
                    str(value): {"text": text, "color": color, "index": i}
                    for i, (value, text, color) in enumerate(panel.mappings)
                },
            }
        ]
        if panel.mappings
        else [],
        "thresholds": _thresholds(panel),
        "unit": panel.unit,
    }
    if panel.decimals is not None:
        defaults["decimals"] = panel.decimals
    if panel.kind in ("stat", "bargauge"):
        defaults["color"] = {"mode": "thresholds"}
    if panel.minimum is not None:
        defaults["min"] = panel.minimum
    if panel.maximum is not None:
        defaults["max"] = panel.maximum
    if panel.kind == "timeseries":
        defaults["custom"] = {
            "drawStyle": "line",
            "fillOpacity": 25 if panel.stack else 8,
            "lineWidth": 1,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"group": "A", "mode": "normal" if panel.stack else "none"},
            "thresholdsStyle": {"mode": "line" if panel.thresholds else "off"},
        }
    return defaults


def _options(panel):
    if panel.kind == "timeseries":
        return {
            "legend": {
                "calcs": ["mean", "max", "lastNotNull"],
                "displayMode": "table",
                "placement": "bottom",
                "showLegend": True,
                "sortBy": "Mean",
                "sortDesc": True,
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    if panel.kind == "table":
        options = {"cellHeight": "sm", "footer": {"show": False}, "showHeader": True}
        if panel.sort:
            options["sortBy"] = [{"desc": True, "displayName": panel.sort}]
        return options
    options = {
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    if panel.kind == "stat":
        options |= {
            "colorMode": "value",
            "graphMode": "area",
            "justifyMode": "auto",
            "textMode": "auto",
        }
    if panel.kind == "bargauge":
        options |= {"displayMode": "gradient", "showUnfilled": True}
    return options


def _overrides(panel):
    overrides = []
    for column, title, unit in panel.columns:
        properties = [{"id": "displayName", "value": title}]
        if unit:
            properties.append({"id": "unit", "value": unit})
        if panel.link and panel.link[0] == column:
            _, text, url = panel.link
            properties.append({"id": "links", "value": [{"title": text, "url": url}]})
        overrides.append(
            {"matcher": {"id": "byName", "options": column}, "properties": properties}
        )
    return overrides


def _transformations(panel):
    if panel.kind != "table":
        return []
    return [
        {"id": "merge", "options": {}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {"Time": True},
                "indexByName": {c: i for i, (c, _, _) in enumerate(panel.columns)},
                "renameByName": {},
            },
        },
    ]


def _targets(panel):
    targets = []
    for i, query in enumerate(panel.queries):
        now = panel.kind != "timeseries"
        target = {
            "datasource": DATASOURCE,
            "editorMode": "code",
            "expr": query.expr,
            "format": "table" if panel.kind == "table" else "time_series",
            "instant": now,
            "legendFormat": query.legend,
            "range": not now,
            "refId": chr(ord("A") + i),
        }
        if not now:
            # The rules are evaluated twice a minute: more points say nothing more.
            target["interval"] = "30s"
        targets.append(target)
    return targets


def as_json(panel, number, x, y):
    made = {
        "datasource": DATASOURCE,
        "description": panel.description,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)},
        "gridPos": {"h": panel.height, "w": panel.width, "x": x, "y": y},
        "id": number,
        "options": _options(panel),
        "targets": _targets(panel),
        "title": panel.title,
        "type": panel.kind,
    }
    if panel.kind == "timeseries":
        made["maxDataPoints"] = 500
    if panel.kind == "table":
        made["transformations"] = _transformations(panel)
    return made


def row_json(title, number, y):
    return {
        "collapsed": False,
        "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": y},
        "id": number,
        "panels": [],
        "title": title,
        "type": "row",
    }
