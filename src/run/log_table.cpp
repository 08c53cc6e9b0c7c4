// SPDX-License-Identifier: Apache-2.0
#include "run/log_table.hpp"

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::run {

LogTable::LogTable(std::string name, std::vector<ColumnSpec> columns) : name_(std::move(name)) {
  for (auto& spec : columns) columns_.push_back({std::move(spec), {}, {}, {}, {}});
}

void LogTable::add_row(const std::vector<Cell>& cells) {
  expect(cells.size() == columns_.size(), concat("a row of ", name_, " has one cell a column"));
  for (std::size_t i = 0; i < cells.size(); ++i) {
    Column& column = columns_[i];
    const Cell& cell = cells[i];
    const auto width = static_cast<std::size_t>(column.spec.width);
    switch (column.spec.type) {
      case ColumnType::integer:
        column.integers.push_back(std::get<std::int64_t>(cell));
        break;
      case ColumnType::real:
        column.reals.push_back(std::get<double>(cell));
        break;
      case ColumnType::text:
        column.texts.push_back(std::get<std::string>(cell));
        break;
      case ColumnType::integers: {
        const auto& values = std::get<std::vector<std::int32_t>>(cell);
        expect(values.size() == width, concat(column.spec.name, " has its width"));
        column.tokens.insert(column.tokens.end(), values.begin(), values.end());
        break;
      }
      case ColumnType::reals: {
        const auto& values = std::get<std::vector<double>>(cell);
        expect(values.size() == width, concat(column.spec.name, " has its width"));
        column.reals.insert(column.reals.end(), values.begin(), values.end());
        break;
      }
    }
  }
  ++num_rows_;
}

void LogTable::clear() {
  for (auto& column : columns_) {
    column.integers.clear();
    column.tokens.clear();
    column.reals.clear();
    column.texts.clear();
  }
  num_rows_ = 0;
}

void LogTable::write(io::ImageWriter& image) const {
  image.group("/" + name_);
  for (const auto& column : columns_) {
    const std::string path = concat("/", name_, "/", column.spec.name);
    const std::vector<std::int64_t> flat = {num_rows_};
    const std::vector<std::int64_t> wide = {num_rows_, column.spec.width};
    switch (column.spec.type) {
      case ColumnType::integer:
        image.dataset<std::int64_t>(path, column.integers, flat);
        break;
      case ColumnType::real:
        image.dataset<double>(path, column.reals, flat);
        break;
      case ColumnType::text:
        image.strings(path, column.texts);
        break;
      case ColumnType::integers:
        image.dataset<std::int32_t>(path, column.tokens, wide);
        break;
      case ColumnType::reals:
        image.dataset<double>(path, column.reals, wide);
        break;
    }
    image.attribute(path, "unit", column.spec.unit);
    image.attribute(path, "description", column.spec.help);
    image.attribute(path, "clock", static_cast<std::int64_t>(column.spec.clock ? 1 : 0));
  }
}

}  // namespace enas::run
