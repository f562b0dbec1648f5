#include "cli/inject/manifest.h"

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

InjectOptions Options() {
  InjectOptions options;
  options.image = "proxymeter:test";
  return options;
}

class ManifestTest : public testing::Test {
 protected:
  std::string Inject(const std::string& text) {
    notes_ = {};
    const auto injected = InjectManifest("m.yaml", text, options_, &notes_);
    EXPECT_TRUE(injected.ok()) << injected.status().message() << "\n" << text;
    return injected.value_or("");
  }

  // What is added, taken out again, gives what was there.
  std::string Rest(const std::string& before, const std::string& after) {
    std::string rest;
    size_t at = 0;
    for (const char c : after) {
      if (at < before.size() && before[at] == c) {
        rest += c;
        ++at;
      }
    }
    return rest;
  }

  void ExpectInjected(const std::string& text) {
    const std::string injected = Inject(text);
    EXPECT_THAT(injected, HasSubstr("proxymeter-collector"));
    EXPECT_EQ(Rest(text, injected), text);
    EXPECT_EQ(Inject(injected), injected);
  }

  std::string Error(const std::string& text) {
    notes_ = {};
    const auto injected = InjectManifest("m.yaml", text, options_, &notes_);
    EXPECT_FALSE(injected.ok()) << text;
    return std::string(injected.status().message());
  }

  InjectOptions options_ = Options();
  InjectNotes notes_;
};

// A pod with `fields` in its spec and `container` in its container.
std::string Pod(const std::string& container = "",
                const std::string& fields = "") {
  return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n"
         "  containers:\n  - name: c\n    image: i\n" +
         container + fields;
}

TEST(SplitDocuments, KeepsEveryByteAndKnowsItsLine) {
  const auto documents = SplitDocuments(
      "f", "# one\na: 1\n---\nb: |\n  --- no\n--- # x\n---no: 1");
  ASSERT_EQ(documents.size(), 3U);
  EXPECT_EQ(documents[0].text, "# one\na: 1\n");
  EXPECT_EQ(documents[1].text, "---\nb: |\n  --- no\n");
  EXPECT_EQ(documents[1].line, 2);
  EXPECT_EQ(documents[2].text, "--- # x\n---no: 1");
  EXPECT_EQ(documents[2].line, 5);
}

TEST_F(ManifestTest, AddsToEveryWayOfWritingAPod) {
  for (const std::string& text : {
           Pod(),
           Pod("    env:\n    - name: A\n      value: b\n"),
           Pod("    env:\n    # of the crawler\n      - {name: A, value: b}\n"
               "    # the end\n"),
           Pod("    env:\n    volumeMounts: # none yet\n"),
           Pod("    env: []\n    volumeMounts: null\n"),
           Pod("    env: &all [{name: A, value: \"\xc3\xa4\"}]\n"),
           Pod("    args: |+\n      text # no comment\n\n\n",
               "  volumes:\n  - name: v\n    emptyDir: {}\n\n# end"),
           Pod("", "  initContainers:\n  # first\n  - name: i\n    image: i\n"),
           Pod("    args: [\"a\",\n      b]\n  - {name: d, image: i}\n"),
           absl::StrReplaceAll(Pod("    env:\n    - name: A\n      value: b\n"),
                               {{"\n", "\r\n"}}),
           std::string(R"({"apiVersion": "v1", "kind": "Pod", "metadata": {},
              "spec": {"containers": [{"name": "c", "image": "i", "env": []}]}})"),
       }) {
    SCOPED_TRACE(text);
    ExpectInjected(text);
    EXPECT_EQ(notes_.pods, 1);
    EXPECT_THAT(notes_.warnings, IsEmpty());
  }
}

TEST_F(ManifestTest, FindsThePodOfEachKind) {
  const std::string spec = "{containers: [{name: c, image: i}]}";
  const std::string template_spec = "{template: {spec: " + spec + "}}";
  for (const std::string& object : {
           "apiVersion: v1, kind: Pod, spec: " + spec,
           "apiVersion: apps/v1, kind: Deployment, spec: " + template_spec,
           "apiVersion: apps/v1, kind: StatefulSet, spec: " + template_spec,
           "apiVersion: apps/v1, kind: DaemonSet, spec: " + template_spec,
           "apiVersion: apps/v1, kind: ReplicaSet, spec: " + template_spec,
           "apiVersion: batch/v1, kind: Job, spec: " + template_spec,
           "apiVersion: batch/v1, kind: CronJob, spec: {jobTemplate: {spec: " +
               template_spec + "}}",
       }) {
    ExpectInjected("{" + object + "}\n");
    ExpectInjected("{apiVersion: v1, kind: List, items: [{" + object + "}]}\n");
  }
}

TEST_F(ManifestTest, LeavesTheRestAsItIs) {
  for (const std::string text : {
           "",
           "# nothing\n",
           "---\n---\n",
           "apiVersion: v1\nkind: Service\nspec: {<<: &x {a: 1}}\n",
           "apiVersion: batch.volcano.sh/v1alpha1\nkind: Job\nspec: 3\n",
           "apiVersion: v1\nkind: List\nitems: []\n",
       }) {
    EXPECT_EQ(Inject(text), text);
    EXPECT_EQ(notes_.pods, 0);
  }
}

TEST_F(ManifestTest, KnowsItsOwnHoweverItIsQuoted) {
  const std::string injected = Inject(Pod());
  std::string plain;
  for (size_t i = 0; i < injected.size(); ++i) {
    // As helm writes it: no quotes where a letter is within.
    if (injected[i] != '"') plain += injected[i];
  }
  plain = absl::StrReplaceAll(plain, {{": true", ": \"true\""},
                                      {" :9099", " \":9099\""},
                                      {"- 20\n", "- '20'\n"},
                                      {"cpu: 1\n", "cpu: '1'\n"}});
  plain =
      absl::StrReplaceAll(plain, {{"readOnly: \"true\"", "readOnly: true"},
                                  {"Filesystem: \"true\"", "Filesystem: true"},
                                  {"NonRoot: \"true\"", "NonRoot: true"}});
  EXPECT_EQ(Inject(plain), plain);
  // A number is no string.
  EXPECT_THAT(Error(absl::StrReplaceAll(plain, {{"cpu: '1'", "cpu: 1"}})),
              HasSubstr("'proxymeter-collector' differs"));
}

TEST_F(ManifestTest, AppendsToThePreloadThatIsThere) {
  for (const std::string value : {"/l/je.so", "'/l/je.so'", "\"/l/je.so\""}) {
    const std::string text =
        Pod("    env:\n    - {name: LD_PRELOAD, value: " + value + "}\n");
    const std::string injected = Inject(text);
    EXPECT_THAT(
        injected,
        HasSubstr("value: \"/l/je.so:/opt/proxymeter/libproxymeter.so\"}\n"));
    EXPECT_EQ(Inject(injected), injected);
  }
}

TEST_F(ManifestTest, MetersCrawlersAndNotTheirSidecars) {
  const std::string text = Pod("  - name: istio-proxy\n    image: i\n");
  const auto count = [](const std::string& in, const std::string& what) {
    size_t found = 0;
    for (size_t at = in.find(what); at != std::string::npos;
         at = in.find(what, at + 1)) {
      ++found;
    }
    return found;
  };
  EXPECT_EQ(count(Inject(text), "LD_PRELOAD"), 1U);
  EXPECT_THAT(notes_.met_containers, ElementsAre("c", "istio-proxy"));
  options_.containers = {"c", "istio-proxy"};
  EXPECT_EQ(count(Inject(text), "LD_PRELOAD"), 2U);
  options_.containers = {"none"};
  EXPECT_EQ(Error(text), "m.yaml: there is no container 'none'");
}

TEST_F(ManifestTest, OptionsSayWhatIsAdded) {
  options_.vendor = "acme";
  options_.config_map = "mine";
  options_.user = 4711;
  options_.plain_sidecar = true;
  const std::string injected = Inject(Pod());
  EXPECT_THAT(injected,
              HasSubstr("- name: PROXYMETER_VENDOR\n        value: acme"));
  EXPECT_THAT(injected, HasSubstr("name: mine\n"));
  EXPECT_THAT(injected, HasSubstr("runAsUser: 4711\n"));
  EXPECT_THAT(injected, Not(HasSubstr("restartPolicy")));
  EXPECT_EQ(Inject(injected), injected);
}

TEST_F(ManifestTest, ErrorsNameFileLineAndField) {
  const std::string env = "    env:\n    - name: LD_PRELOAD\n";
  const std::pair<std::string, std::string> cases[] = {
      {Pod(env + "      valueFrom: {fieldRef: {fieldPath: x}}\n"),
       "m.yaml:11:18: spec.containers[0].env[0].valueFrom: LD_PRELOAD comes "
       "from "
       "elsewhere"},
      {Pod(env), "m.yaml:10:7: spec.containers[0].env[0]: LD_PRELOAD has no"},
      {Pod(env + "      value: /my/libproxymeter.so\n"),
       "m.yaml:11:14: spec.containers[0].env[0].value: names libproxymeter.so"},
      {Pod("    env: [{name: PROXYMETER_DIR, value: /x}]\n"),
       "m.yaml:9:11: spec.containers[0].env[0]: PROXYMETER_DIR is set"},
      {Pod("    volumeMounts: [{name: v, mountPath: /opt/proxymeter}]\n"),
       "m.yaml:9:20: spec.containers[0].volumeMounts[0]: clashes"},
      {Pod("    ports: [{containerPort: 9099}]\n"),
       "m.yaml:9:13: spec.containers[0].ports[0]: clashes"},
      {Pod("", "  volumes: [{name: proxymeter-run}]\n"),
       "m.yaml:9:13: spec.volumes[0]: 'proxymeter-run' differs from"},
      {Pod("", "  os: {name: windows}\n"),
       "m.yaml:9:14: spec.os.name: Windows"},
      {Pod("    env: x\n"), "m.yaml:9:10: spec.containers[0].env: a list is"},
      {Pod("    <<: {a: b}\n"),
       "m.yaml:9:9: spec.containers[0].<<: merge keys are not followed"},
      {Pod("    image: j\n    env: []\n"),
       "m.yaml:9:12: spec.containers[0].image: repeated key"},
      {Pod() + "  containers: []\n", "m.yaml:9:15: spec.containers: repeated"},
      {"kind: x\n---\nkind: Pod\napiVersion: v1\nspec:\n",
       "m.yaml:5:1: spec: "},
      {"a: 1\n", "m.yaml:1:1: top level: 'kind' is missing"},
      {"--- [\n", "m.yaml:2:1: YAML syntax: "},
      {"- a\n", "m.yaml:1:1: this is no Kubernetes object"},
      {"{<<: {kind: Pod}}\n", "m.yaml:1:6: <<: merge keys"},
      {"a: \xc3\xa4\nb: \xff\n", "m.yaml:2:4: this is no text"},
      {"a: \xed\xa0\x80\n", "m.yaml:1:4: this is no text"},
      {std::string("a: b\n\0", 6), "m.yaml:2:1: this is no text"},
      {"a: 1\n...\nb: 2\n", "m.yaml:1:1: more than one YAML document"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(Error(text), testing::StartsWith(message)) << text;
  }
}

TEST_F(ManifestTest, WhatIsInjectedInPartIsRefused) {
  const std::string whole = Inject(Pod());
  const std::tuple<const char*, const char*, const char*> cases[] = {
      {"proxymeter:test", "proxymeter:2", "'proxymeter-install' differs"},
      {"LD_PRELOAD", "LD_OTHER", "its LD_PRELOAD lacks /opt/proxymeter/"},
      {"- name: proxymeter-ledger\n      emptyDir",
       "- name: other\n      emptyDir", "lacks the volume 'proxymeter-ledger'"},
      {"subPath: pod", "subPath: other", "'/run/proxymeter/pod' differs"},
      {"proxymeter/metered", "other/label",
       "lacks the label proxymeter/metered"},
  };
  for (const auto& [from, to, message] : cases) {
    const std::string partial = absl::StrReplaceAll(whole, {{from, to}});
    ASSERT_NE(partial, whole) << from;
    EXPECT_THAT(Error(partial), HasSubstr(message));
  }
  // What an API server adds is no difference.
  const std::string stored = absl::StrReplaceAll(
      whole, {{"periodSeconds: 1\n",
               "periodSeconds: 1\n        timeoutSeconds: 1\n"}});
  ASSERT_NE(stored, whole);
  EXPECT_EQ(Inject(stored), stored);
}

TEST_F(ManifestTest, AnAliasIsNeverChangedElsewhere) {
  // Both are crawlers: one text, seen twice.
  const std::string text =
      Pod("    env: &e\n    - {name: A, value: b}\n"
          "  - name: d\n    image: i\n    env: *e\n");
  ExpectInjected(text);
  // The second is not: what is added would reach it.
  options_.containers = {"c"};
  EXPECT_THAT(Error(text), HasSubstr("cannot be edited as it is written"));
}

TEST_F(ManifestTest, AliasesThatMultiplyAreRefused) {
  std::string text = "apiVersion: v1\nkind: Pod\na: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    text += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) text += std::string("*") + char(c - 1) + ",";
    text += "]\n";
  }
  EXPECT_THAT(Error(text), HasSubstr("more values than any manifest has"));
}

TEST_F(ManifestTest, WarnsOfWhatCannotBeToldFromHere) {
  Inject(
      Pod("    envFrom: [{configMapRef: {name: x}}]\n"
          "    securityContext: {runAsUser: 65532}\n",
          "  hostNetwork: true\n"));
  EXPECT_THAT(notes_.warnings,
              ElementsAre(HasSubstr("hostNetwork"), HasSubstr("envFrom"),
                          HasSubstr("securityContext: runs as")));
}

TEST_F(ManifestTest, AJobTakesNoPlainSidecar) {
  options_.plain_sidecar = true;
  EXPECT_THAT(Error("{apiVersion: batch/v1, kind: Job, spec: {template: {spec: "
                    "{containers: [{name: c}]}}}}"),
              HasSubstr("a job would not end"));
}

}  // namespace
}  // namespace proxymeter::cli
