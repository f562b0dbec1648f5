"""A dashboard: rows of panels, with the variables and links that all have."""

import dataclasses

import panels

# What the variables choose from: the pods that recently had traffic.
POD_SERIES = "proxy:bandwidth_per_pod:vendor_pod"
VARIABLES = (
    ("vendor", f"label_values({POD_SERIES}, proxy_vendor)"),
    ("namespace", f"label_values({POD_SERIES}, pod_namespace)"),
    ("pod", f"label_values({POD_SERIES}{{{panels.NAMESPACE}}}, pod_name)"),
)
TAG = "proxymeter"
DESTINATIONS = "proxymeter-destinations"
TO_DESTINATIONS = (
    f"/d/{DESTINATIONS}?${{datasource:queryparam}}&${{namespace:queryparam}}"
    "&var-vendor=${__data.fields.proxy_vendor}&${__url_time_range}"
)


@dataclasses.dataclass(frozen=True)
class Board:
    uid: str
    title: str
    description: str
    # (title, (panels that stand side by side, ...)) from top to bottom.
    rows: tuple

    @property
    def panels(self):
        return [p for _, lines in self.rows for line in lines for p in line]


def _query_variable(name, query):
    return {
        # Any value, and none: .+ would leave out what has no such label.
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "datasource": panels.DATASOURCE,
        "definition": query,
        "hide": 0,
        "includeAll": True,
        "label": name.capitalize(),
        "multi": True,
        "name": name,
        "query": {"query": query, "refId": f"variable-{name}"},
        "refresh": 2,
        "regex": "",
        "skipUrlSync": False,
        "sort": 1,
        "type": "query",
    }


def _variables():
    source = {
        "current": {},
        "hide": 0,
        "includeAll": False,
        "label": "Data source",
        "multi": False,
        "name": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
        "type": "datasource",
    }
    return [source] + [_query_variable(*variable) for variable in VARIABLES]


def _panels(board):
    made, y = [], 0
    for title, lines in board.rows:
        made.append(panels.row_json(title, len(made) + 1, y))
        y += 1
        for line in lines:
            x = 0
            for panel in line:
                made.append(panels.as_json(panel, len(made) + 1, x, y))
                x += panel.width
            y += max(panel.height for panel in line)
    return made


def as_json(board):
    return {
        "annotations": {"list": []},
        "description": board.description,
        "editable": True,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "id": None,
        "links": [
            {
                "asDropdown": False,
                "icon": "external link",
                "includeVars": True,
                "keepTime": True,
                "tags": [TAG],
                "targetBlank": False,
                "title": "proxymeter",
                "type": "dashboards",
            }
        ],
        "panels": _panels(board),
        "refresh": "30s",
        "schemaVersion": 38,
        "tags": [TAG],
        "templating": {"list": _variables()},
        "time": {"from": "now-6h", "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "title": board.title,
        "uid": board.uid,
        "version": 1,
        "weekStart": "",
    }
