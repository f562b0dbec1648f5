"""The JSON Schema of the configuration says what the collector's parser says.

Python's validator stands for an editor's; `proxymeter policy check` is the
parser.
"""

import glob
import json
import os
import re
import subprocess
import tempfile
import unittest

import jsonschema
import yaml

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
PROGRAM = os.environ.get("PROXYMETER_PROGRAM") or os.path.join(
    ROOT, "build", "release", "bin", "proxymeter"
)
SCHEMA = os.path.join(ROOT, "examples", "vendors.schema.json")
EXAMPLES = sorted(glob.glob(os.path.join(ROOT, "examples", "*.yaml")))
CATALOGUE = sorted(glob.glob(os.path.join(ROOT, "examples", "vendors", "*.yaml")))
CORPUS = sorted(glob.glob(os.path.join(ROOT, "tests", "fuzz", "corpus", "config", "*")))


class Loader(yaml.SafeLoader):
    """YAML 1.2's core schema, as editors have it: `off` is a word."""

    yaml_implicit_resolvers = {}


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first)
    )

# Of 010, YAML 1.2 has ten and PyYAML eight.
Loader.add_constructor(
    "tag:yaml.org,2002:int",
    lambda loader, node: int(loader.construct_scalar(node)),
)

# Where a mapping stands, and a document with an unknown key there.
UNKNOWN = {"zzzzzzzzzz": 1}
RULE = [{"port": 1}]


def _vendor(**more):
    return {"version": 1, "vendors": [{"name": "a", "match": RULE, **more}]}


MAPPINGS = {
    "": UNKNOWN,
    "vendors[]": {"version": 1, "vendors": [UNKNOWN]},
    "vendors[].match[]": _vendor(match=[UNKNOWN]),
    "vendors[].price": _vendor(price=UNKNOWN),
    "filters": {**_vendor(), "filters": UNKNOWN},
    "filters.processes": {**_vendor(), "filters": {"processes": UNKNOWN}},
}

# What must be accepted by both, and what refused by both.
GOOD = [
    "version: 1\nvendors: [{use: brightdata}]",
    "version: 1\nvendors: [{use: brightdata, zone: dc}, {use: soax, name: b}]",
    "version: 1\nvendors: []",
    "version: '1'\ncall_sites: off\nvendor_header: true\nvendors: [{name: a}]",
    "version: 1\nvendors: [{name: a, match: [{port: [80, 7000-7999, '9']}]}]",
    "version: 1\nvendors: [{name: 4a, match: [{host: ['*.a.test', '::1']}]}]",
    "version: 1\nvendors: [{name: a, match: [{user: 'u-*'}], labels: [zone],"
    " user_names: 'u-{zone}', max_destinations: 5}]",
    "version: 1\nvendors: [{name: a, match: [{cidr: '::/0'}],"
    " price: {currency: USD, per_gb: 8.4, unit: GiB, directions: sent}}]",
    "version: 1\nvendors: [{name: a, match: [{cidr: [10.0.0.1-10.0.0.9, '::1 - ::2']}]}]",
    "version: 1\nvendors: [{name: a, match: [{port: 1}], labels: [],"
    " price: {currency: EUR, per_request: 0.001, per_success: '2'}}]",
    "version: 1\ndestinations: registrable_domain\nvendors: []\n"
    "filters: {inside: [], except_ports: 22, processes: {only: [curl, python3]}}",
]
BAD = [
    "version: 1\nvendors: [{use: nobody}]",
    "version: 1\nvendors: [{use: brightdata, zoen: dc}]",
    "version: 1\nvendors: [{name: a, match: [{port: 1}], zone: dc}]",
    "version: 2\nvendors: []",
    "vendors: []",
    "version: 1",
    "version: 1\nvendors: {}",
    "version: 1\nvendors: []\ncall_sites: on",
    "version: 1\nvendors: []\nvendor_header: yes",
    "version: 1\nvendors: []\ndestinations: hosts",
    "version: 1\nvendors: []\nfilter: {}",
    "version: 1\nvendors: []\nfilters: {inside: 10.0.0.0/8}",
    "version: 1\nvendors: []\nfilters: {except_ports: []}",
    "version: 1\nvendors: []\nfilters: {processes: {}}",
    "version: 1\nvendors: []\nfilters: {processes: {only: a, except: b}}",
    "version: 1\nvendors: []\nfilters: {processes: {only: /usr/bin/curl}}",
    "version: 1\nvendors: []\nfilters: {processes: {only: [a, a]}}",
    "version: 1\nvendors: [{match: [{port: 1}]}]",
    "version: 1\nvendors: [{name: A, match: [{port: 1}]}]",
    "version: 1\nvendors: [{name: direct, match: [{port: 1}]}]",
    "version: 1\nvendors: [{name: a, match: []}]",
    "version: 1\nvendors: [{name: a, match: [{}]}]",
    "version: 1\nvendors: [{name: a, match: [{port: 0}]}]",
    "version: 1\nvendors: [{name: a, match: [{port: 65536}]}]",
    "version: 1\nvendors: [{name: a, match: [{port: 80 - 90}]}]",
    "version: 1\nvendors: [{name: a, match: [{port: []}]}]",
    "version: 1\nvendors: [{name: a, match: [{host: 'a b'}]}]",
    "version: 1\nvendors: [{name: a, match: [{host: '*'}]}]",
    "version: 1\nvendors: [{name: a, match: [{host: {}}]}]",
    "version: 1\nvendors: [{name: a, match: [{cidr: 10.0.0.0}]}]",
    "version: 1\nvendors: [{name: a, match: [{cidr: 10.0.0.0-9}]}]",
    "version: 1\nvendors: [{name: a, match: [{addresses: []}]}]",
    "version: 1\nvendors: [{name: a, match: [{addresses: ''}]}]",
    "version: 1\nvendors: [{name: a, match: [{prot: 80}]}]",
    "version: 1\nvendors: [{name: a, match: [{user: ''}]}]",
    "version: 1\nvendors: [{name: a, match: [{port: 1}], max_destinations: 0}]",
    "version: 1\nvendors: [{name: a, match: [{port: 1}], labels: [Zone],"
    " user_names: '{Zone}'}]",
    "version: 1\nvendors: [{name: a, match: [{port: 1}], labels: [session],"
    " user_names: '{session}'}]",
    "version: 1\nvendors: [{name: a, match: [{port: 1}], price: {per_gb: 1}}]",
    "version: 1\nvendors: [{name: a, match: [{port: 1}], price: {currency: USD}}]",
    "version: 1\nvendors: [{name: a, match: [{port: 1}],"
    " price: {currency: usd, per_gb: 1}}]",
    "version: 1\nvendors: [{name: a, match: [{port: 1}],"
    " price: {currency: USD, per_request: 1, unit: GB}}]",
    "version: 1\nvendors: [{name: a, match: [{port: 1}],"
    " price: {currency: USD, per_gb: -1}}]",
]


def mappings(schema, root, path=""):
    """(path, property names) of each mapping that the schema describes."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    if "properties" in schema:
        yield path, set(schema["properties"])
        for key, value in schema["properties"].items():
            yield from mappings(value, root, f"{path}.{key}".lstrip("."))
    for each in schema.get("anyOf", ()):
        yield from mappings(each, root, path)
    if "items" in schema:
        yield from mappings(schema["items"], root, path + "[]")


class Schema(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        with open(SCHEMA, encoding="utf-8") as file:
            cls.schema = json.load(file)
        cls.validator = jsonschema.Draft202012Validator(cls.schema)
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())

    def parsed(self, text):
        """What the parser says: nothing when it takes the text."""
        path = os.path.join(self.folder, "v.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return self.checked(path)

    @staticmethod
    def checked(path):
        done = subprocess.run(
            [PROGRAM, "policy", "check", path],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
        assert done.returncode in (0, 1), done
        assert (done.returncode == 0) == (not done.stderr), done
        return done.stderr

    def valid(self, text):
        return self.validator.is_valid(yaml.load(text, Loader))

    def test_it_is_a_schema(self):
        jsonschema.Draft202012Validator.check_schema(self.schema)

    def test_examples(self):
        self.assertTrue(EXAMPLES)
        for path in EXAMPLES:
            with self.subTest(path), open(path, encoding="utf-8") as file:
                text = file.read()
                self.validator.validate(yaml.load(text, Loader))
                self.assertEqual(self.checked(path), "")
                # Editors find the schema by this line.
                self.assertRegex(
                    text, r"(?m)^# yaml-language-server: \$schema=(\S+)$"
                )
                name = re.search(r"\$schema=(\S+)", text)[1]
                named = os.path.join(os.path.dirname(path), name)
                self.assertTrue(os.path.samefile(named, SCHEMA))

    def test_catalogue(self):
        """Each vendor of it is an entry, and may be used with its labels."""
        entry = jsonschema.Draft202012Validator(
            {"$ref": "#/$defs/vendor", "$defs": self.schema["$defs"]}
        )
        vendor = self.schema["$defs"]["vendor"]
        names, labels = [], set()
        for path in CATALOGUE:
            with self.subTest(path), open(path, encoding="utf-8") as file:
                known = yaml.load(file, Loader)
                entry.validate(known)
                names.append(known["name"])
                document = {
                    "version": 1,
                    "vendors": [{"use": known["name"], **UNKNOWN}],
                }
                labels |= self.allowed(document) - set(vendor["properties"])
        self.assertEqual(vendor["properties"]["use"]["enum"], names)
        self.assertEqual(set(vendor["then"]["properties"]), labels)

    def allowed(self, document):
        """The keys that stand where `document` has an unknown one."""
        error = self.parsed(json.dumps(document))
        allowed = re.search(r"zzzzzzzzzz: unknown key \(allowed are (.*)\)", error)
        self.assertTrue(allowed, error)
        return set(allowed[1].split(", "))

    def test_both_accept(self):
        for text in GOOD:
            with self.subTest(text):
                self.assertEqual(self.parsed(text), "")
                self.validator.validate(yaml.load(text, Loader))

    def test_both_refuse(self):
        for text in BAD:
            with self.subTest(text):
                self.assertNotEqual(self.parsed(text), "")
                self.assertFalse(self.valid(text))

    def test_what_the_parser_takes_is_valid(self):
        """An editor must not mark what is right."""
        taken = 0
        for path in CORPUS:
            if self.checked(path):
                continue
            with self.subTest(path), open(path, encoding="utf-8") as file:
                taken += 1
                self.validator.validate(yaml.load(file.read(), Loader))
        self.assertGreater(taken, 0)

    def test_every_key_is_known_to_both(self):
        found = dict(mappings(self.schema, self.schema))
        self.assertEqual(set(found), set(MAPPINGS))
        for path, document in MAPPINGS.items():
            with self.subTest(path):
                self.assertEqual(found[path], self.allowed(document))


if __name__ == "__main__":
    unittest.main()
