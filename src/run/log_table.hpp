// SPDX-License-Identifier: Apache-2.0
// A table of the run log: typed columns in memory, written as one dataset a column.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "io/hdf5_image.hpp"

namespace enas::run {

enum class ColumnType { integer, real, text, integers, reals };

struct ColumnSpec {
  std::string name;
  ColumnType type;
  std::string unit;  ///< "1" for plain numbers
  std::string help;
  bool clock = false;      ///< a time: may differ between a run and its resumed twin
  std::int64_t width = 1;  ///< values a row, for integers and reals
};

using Cell =
    std::variant<std::int64_t, double, std::string, std::vector<std::int32_t>, std::vector<double>>;

class LogTable {
 public:
  LogTable(std::string name, std::vector<ColumnSpec> columns);

  /// One cell a column, in order, of the column's type and width.
  void add_row(const std::vector<Cell>& cells);
  void clear();
  std::int64_t num_rows() const { return num_rows_; }
  /// Writes group "/<name>" with a dataset a column; attributes unit, description and clock.
  void write(io::ImageWriter& image) const;

 private:
  /// Each column's cells lie one after the other in the vector of its type.
  struct Column {
    ColumnSpec spec;
    std::vector<std::int64_t> integers;
    std::vector<std::int32_t> tokens;
    std::vector<double> reals;
    std::vector<std::string> texts;
  };
  std::string name_;
  std::vector<Column> columns_;
  std::int64_t num_rows_ = 0;
};

}  // namespace enas::run
