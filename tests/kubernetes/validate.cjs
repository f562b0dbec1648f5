// Validates Kubernetes objects: {objects: [...]} on standard input, one line for
// each problem on standard output. The packages are found from the working
// directory.
//
// The schemas allow fields that they do not know. So an object is validated
// through proxies that record which fields the schema asks for; whatever nobody
// asked for is unknown, and as good as left out in a cluster.
"use strict";
const { createRequire } = require("module");
const fs = require("fs");
const path = require("path");
const fromHere = createRequire(path.join(process.cwd(), "package.json"));

const CRDS = "@kubernetes-models/prometheus-operator";

function modelOf({ apiVersion, kind }) {
  const [group, version] = apiVersion.includes("/")
    ? apiVersion.split("/")
    : ["", apiVersion];
  const place = [group, version, kind].filter(Boolean).join("/");
  const name = group === "monitoring.coreos.com" ? CRDS : "kubernetes-models";
  return fromHere(`${name}/${place}`)[kind];
}

// `value` and what is in it; `asked` learns what is read of each object.
function recorded(value, asked) {
  if (value === null || typeof value !== "object") return value;
  const known = new Map();
  asked.set(value, known);
  const proxy = new Proxy(value, {
    get(target, key) {
      const inner = target[key];
      if (typeof key !== "string" || typeof inner === "function") return inner;
      if (!known.has(key)) known.set(key, recorded(inner, asked));
      return known.get(key);
    },
    // All keys are asked for where any key may stand, as in labels.
    ownKeys(target) {
      for (const key of Object.keys(target)) {
        if (!known.has(key)) known.set(key, recorded(target[key], asked));
      }
      return Reflect.ownKeys(target);
    },
  });
  return proxy;
}

function* unknownFields(value, asked, at) {
  if (value === null || typeof value !== "object") return;
  const known = asked.get(value);
  // A value that the schema takes as it comes.
  if (!known || known.size === 0) return;
  for (const key of Object.keys(value)) {
    const place = Array.isArray(value) ? `${at}[${key}]` : `${at}.${key}`;
    if (!known.has(key)) yield `${place}: unknown field`;
    else yield* unknownFields(value[key], asked, place);
  }
}

function* problems(object) {
  const Model = modelOf(object);
  const asked = new Map();
  const schema = fromHere.resolve(
    object.apiVersion.startsWith("monitoring.coreos.com")
      ? CRDS
      : "kubernetes-models",
  );
  try {
    new Model(object).validate();
  } catch (error) {
    yield error.message;
  }
  const validate = schemaOf(schema, object);
  validate(recorded(object, asked));
  yield* unknownFields(object, asked, "");
}

// The compiled schema itself: a model copies what it is given.
function schemaOf(index, { apiVersion, kind }) {
  const folder = path.join(path.dirname(index), "_schemas");
  const [group, version] = apiVersion.includes("/")
    ? apiVersion.split("/")
    : ["core", apiVersion];
  const camel = (text) =>
    text
      .split(/[.-]/)
      .map((word) => word[0].toUpperCase() + word.slice(1))
      .join("");
  const groups = group.endsWith(".k8s.io")
    ? `IoK8sApi${camel(group.split(".")[0])}`
    : `IoK8sApi${camel(group)}`;
  const prefix =
    group === "monitoring.coreos.com" ? "MonitoringCoreosCom" : groups;
  return require(path.join(folder, `${prefix}${camel(version)}${kind}.js`))
    .validate;
}

const { objects } = JSON.parse(fs.readFileSync(0, "utf8"));
for (const object of objects) {
  const { apiVersion, kind, metadata } = object;
  for (const problem of problems(object)) {
    console.log(`${apiVersion} ${kind} ${metadata?.name}: ${problem}`);
  }
}
