// SPDX-License-Identifier: Apache-2.0
// A table keeps typed columns and writes them as datasets with attributes.
#include "run/log_table.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/thrown.hpp"

namespace enas::run {
namespace {

LogTable all_types() {
  return {"things",
          {{"step", ColumnType::integer, "1", "which step"},
           {"loss", ColumnType::real, "nats", "how bad"},
           {"source", ColumnType::text, "1", "from where"},
           {"tokens", ColumnType::integers, "1", "which child", false, 3},
           {"shares", ColumnType::reals, "1", "how often", false, 2},
           {"seconds", ColumnType::real, "s", "how long", true}}};
}

std::vector<Cell> row(std::int64_t step) {
  const double value = 0.5 * static_cast<double>(step);
  const auto token = static_cast<std::int32_t>(step);
  return {step,
          value,
          "row " + std::to_string(step),
          std::vector<std::int32_t>{token, -token, 7},
          std::vector<double>{value, -value},
          1000.0 + value};
}

io::ImageReader written(const LogTable& table) {
  io::ImageWriter writer(0);
  table.write(writer);
  return {writer.finish(), "table"};
}

TEST(LogTable, WritesOneDatasetAColumn) {
  LogTable table = all_types();
  table.add_row(row(std::int64_t{1} << 40));
  table.add_row(row(3));
  EXPECT_EQ(table.num_rows(), 2);
  const auto image = written(table);
  EXPECT_EQ(image.members("/things"),
            (std::vector<std::string>{"loss", "seconds", "shares", "source", "step", "tokens"}));
  EXPECT_EQ(image.read<std::int64_t>("/things/step"),
            (std::vector<std::int64_t>{std::int64_t{1} << 40, 3}));
  EXPECT_EQ(image.read<double>("/things/loss")[1], 1.5);
  EXPECT_EQ(image.read_strings("/things/source")[1], "row 3");
  EXPECT_EQ(image.shape("/things/tokens"), (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(image.read<std::int32_t>("/things/tokens"),
            (std::vector<std::int32_t>{0, 0, 7, 3, -3, 7}));
  EXPECT_EQ(image.shape("/things/shares"), (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(image.read<double>("/things/shares")[3], -1.5);
  EXPECT_EQ(image.read<double>("/things/seconds")[1], 1001.5);
}

TEST(LogTable, DescribesItsColumns) {
  const auto image = written(all_types());
  EXPECT_EQ(image.string_attribute("/things/loss", "unit"), "nats");
  EXPECT_EQ(image.string_attribute("/things/loss", "description"), "how bad");
  EXPECT_EQ(image.int_attribute("/things/loss", "clock"), 0);
  EXPECT_EQ(image.int_attribute("/things/seconds", "clock"), 1);
}

TEST(LogTable, KeepsWidthsWithoutRows) {
  LogTable table = all_types();
  table.add_row(row(1));
  table.clear();
  EXPECT_EQ(table.num_rows(), 0);
  const auto image = written(table);
  EXPECT_EQ(image.shape("/things/step"), (std::vector<std::int64_t>{0}));
  EXPECT_EQ(image.shape("/things/source"), (std::vector<std::int64_t>{0}));
  EXPECT_EQ(image.shape("/things/tokens"), (std::vector<std::int64_t>{0, 3}));
  EXPECT_EQ(image.shape("/things/shares"), (std::vector<std::int64_t>{0, 2}));
}

TEST(LogTable, StartsAnewAfterClear) {
  LogTable table = all_types();
  table.add_row(row(1));
  table.clear();
  table.add_row(row(2));
  const auto image = written(table);
  EXPECT_EQ(image.read<std::int64_t>("/things/step"), (std::vector<std::int64_t>{2}));
  EXPECT_EQ(image.read<double>("/things/loss"), (std::vector<double>{1.0}));
  EXPECT_EQ(image.read_strings("/things/source"), (std::vector<std::string>{"row 2"}));
  EXPECT_EQ(image.read<std::int32_t>("/things/tokens"), (std::vector<std::int32_t>{2, -2, 7}));
  EXPECT_EQ(image.read<double>("/things/shares"), (std::vector<double>{1.0, -1.0}));
}

TEST(LogTable, KeepsValuesThatAreNotFinite) {
  LogTable table("t", {{"x", ColumnType::real, "1", ""}});
  table.add_row({std::numeric_limits<double>::quiet_NaN()});
  table.add_row({-std::numeric_limits<double>::infinity()});
  const auto values = written(table).read<double>("/t/x");
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_EQ(values[1], -std::numeric_limits<double>::infinity());
}

TEST(LogTable, RefusesRowsOfAnotherShape) {
  LogTable table = all_types();
  auto cells = row(1);
  cells.pop_back();
  EXPECT_THROW(table.add_row(cells), ContractError);
  LogTable wide("t", {{"tokens", ColumnType::integers, "1", "", false, 3}});
  const std::string message = thrown<ContractError>([&] {
    wide.add_row({std::vector<std::int32_t>{1, 2}});
  });
  EXPECT_TRUE(contains(message, "tokens")) << message;
  LogTable reals("t", {{"shares", ColumnType::reals, "1", "", false, 1}});
  EXPECT_THROW(reals.add_row({std::vector<double>{1.0, 2.0}}), ContractError);
  LogTable integer("t", {{"step", ColumnType::integer, "1", ""}});
  EXPECT_THROW(integer.add_row({1.0}), std::bad_variant_access);
}

}  // namespace
}  // namespace enas::run
