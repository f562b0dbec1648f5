#include "shim/testing/frame_reader.h"

#include "proxymeter/v1/frame.pb.h"

namespace proxymeter::shim {

DecodedFrame DecodeFrame(const std::string& bytes) {
  DecodedFrame decoded;
  v1::Frame frame;
  decoded.valid = frame.ParseFromString(bytes);
  decoded.version = frame.version();
  decoded.session = frame.session();
  decoded.pid = frame.process().pid();
  decoded.command = frame.process().command();
  decoded.has_journal = frame.process().has_journal();
  for (const v1::Row& row : frame.rows()) {
    if (row.kind() == v1::ROW_KIND_CALLER) {
      decoded.callers.push_back({
          .vendor = row.vendor(),
          .caller = row.destination(),
          .unwinder = row.code(),
          .connections = row.caller().connections(),
          .not_sampled = row.caller().not_sampled(),
          .not_safe = row.caller().not_safe(),
      });
    }
    if (row.kind() != v1::ROW_KIND_TRAFFIC) continue;
    decoded.traffic.push_back({
        .index = row.index(),
        .vendor = row.vendor(),
        .destination = row.destination(),
        .protocol = row.protocol(),
        .sent_bytes = row.traffic().sent_bytes(),
        .responses_other = row.traffic().responses_other(),
    });
  }
  return decoded;
}

}  // namespace proxymeter::shim
