// SPDX-License-Identifier: Apache-2.0
#include "run/step_log.hpp"

#include <utility>

#include "core/version.hpp"

namespace enas::run {

namespace {

using enum ColumnType;

std::vector<ColumnSpec> event_columns() {
  return {{"step", integer, "1", "steps done before this row's", false, 1},
          {"kind", text, "1", "not_finite, rollback or averaging"},
          {"text", text, "1", "what happened"}};
}

}  // namespace

StepLog::StepLog(std::string format, std::int64_t version)
    : format_(std::move(format)), version_(version), events_("events", event_columns()) {}

LogTable& StepLog::add_table(const std::string& name, std::vector<ColumnSpec> columns) {
  return tables_.emplace_back(name, std::move(columns));
}

void StepLog::add_event(std::int64_t step, const std::string& kind, const std::string& text) {
  events_.add_row({step, kind, text});
}

void StepLog::clear() {
  for (auto& table : tables_) table.clear();
  events_.clear();
}

io::Image StepLog::image(std::int64_t first_step, std::int64_t end_step,
                         const ConfigRecord& record) const {
  io::ImageWriter writer(std::size_t{1} << 20);
  writer.attribute("/", "format", format_);
  writer.attribute("/", "format_version", version_);
  writer.attribute("/", "program_version", kVersion);
  writer.attribute("/", "git_revision", kGitRevision);
  writer.attribute("/", "first_step", first_step);
  writer.attribute("/", "end_step", end_step);
  writer.attribute("/", "configuration", record.toml);
  for (const auto& table : tables_) table.write(writer);
  events_.write(writer);
  write_facts(writer);
  return writer.finish();
}

}  // namespace enas::run
