#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/web/messages.h"

namespace proxymeter::collector {
namespace {

using Names = google::protobuf::RepeatedPtrField<v1::NamedCount>;

void Add(std::string_view name, std::uint64_t count, Names* to) {
  v1::NamedCount* named = to->Add();
  named->set_name(std::string(name));
  named->set_count(count);
}

void FillPolicy(const PolicyStanding& from, bool degraded,
                v1::PolicyHealth* to) {
  to->set_generation(from.generation);
  to->set_checksum(absl::StrCat(absl::Hex(from.checksum, absl::kZeroPad16)));
  to->set_since_unix_seconds(from.since_unix_seconds);
  to->set_vendors(from.vendors);
  to->set_rules(from.rules);
  to->set_failing(from.failing);
  to->set_degraded(degraded);
  to->set_reloads_ok(from.reloads_ok);
  to->set_reloads_unchanged(from.reloads_unchanged);
  to->set_reloads_failed(from.reloads_failed);
}

void FillLedger(const CollectorHealth& from, v1::LedgerStatus* to) {
  to->set_degraded(from.ledger_degraded);
  to->set_commits(from.ledger_commits);
  to->set_failures(from.ledger_failures);
  to->set_set_aside(from.ledgers_set_aside);
}

void FillAudit(const AuditHealth& from, bool wanted, v1::AuditStatus* to) {
  to->set_wanted(wanted);
  to->set_running(from.running);
  to->set_connections(from.connections);
  to->set_dumps(from.dumps);
  to->set_failed_dumps(from.failed_dumps);
  for (std::size_t i = 0; i < kAuditGaps; ++i) {
    Add(Name(static_cast<AuditGap>(i)), from.gaps[i], to->mutable_gaps());
  }
}

void FillUse(const AccountsSnapshot& from, const SessionLimits& limits,
             v1::CollectorUse* to) {
  to->set_sessions(from.open_sessions);
  to->set_max_sessions(limits.max_sessions);
  to->set_session_rows(from.used.rows);
  to->set_max_session_rows(limits.max_session_rows);
  to->set_journal_bytes(from.used.journal_bytes);
  to->set_max_journal_bytes(limits.max_journal_bytes);
  to->set_total_rows(from.rows.size() - from.folded.size());
  to->set_max_total_rows(limits.max_total_rows);
  to->set_overflowed(from.workload.overflowed);
  to->set_sessions_ever(from.workload.sessions);
  to->set_frames(from.workload.frames);
}

// What the libraries say of themselves, as the metrics name it.
void FillShims(const AccountsSnapshot& from, v1::StatusResponse* to) {
  AccountsSnapshot shims;
  for (const RowValue& row : from.rows) {
    if (row.key.kind == RowKind::kShim) shims.rows.push_back(row);
  }
  const auto add = [](const prometheus::MetricFamily& family, Names* names) {
    for (const prometheus::ClientMetric& metric : family.metric) {
      Add(metric.label.front().value,
          static_cast<std::uint64_t>(metric.counter.value), names);
    }
  };
  for (const prometheus::MetricFamily& family : SelfFamilies(shims)) {
    if (family.name == "proxymeter_shim_events_total") {
      add(family, to->mutable_shim_events());
    } else if (family.name == "proxymeter_desynchronised_total") {
      add(family, to->mutable_desynchronised());
    }
  }
}

}  // namespace

v1::StatusResponse StatusMessage(const Figures& figures,
                                 const CollectorIdentity& identity) {
  const Metrics::View& view = figures.view();
  v1::StatusResponse message;
  FillMoment(figures, message);
  message.set_version(PROXYMETER_VERSION);
  message.set_pod_name(identity.pod.name);
  message.set_pod_namespace(identity.pod.name_space);
  message.set_started_unix_ns(identity.started_unix_ns);
  FillPolicy(view.policy, view.health.policy_degraded,
             message.mutable_policy());
  FillLedger(view.health, message.mutable_ledger());
  FillAudit(view.audit, identity.audit_wanted, message.mutable_audit());
  FillUse(view.accounts, identity.limits, message.mutable_use());
  for (std::size_t i = 0; i < kRejections; ++i) {
    Add(Name(static_cast<Rejection>(i)), view.accounts.workload.rejected[i],
        message.mutable_rejected());
  }
  FillShims(view.accounts, &message);
  for (const std::uint32_t microseconds : kDurationBounds) {
    message.add_phase_bounds_seconds(microseconds / 1e6);
  }
  return message;
}

}  // namespace proxymeter::collector
