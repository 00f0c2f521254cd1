#include "sim/base/csv.h"

#include <gtest/gtest.h>

#include "sim/base/error.h"
#include "tests/support/refusal.h"

namespace tessera {

TEST(Csv, WriterQuotesWhatNeedsQuotes) {
  CsvWriter table({"name", "value"});
  table.row() << "a,b" << 3;
  table.row() << "say \"x\"" << 0.5;
  EXPECT_EQ(table.text(), "name,value\n\"a,b\",3\n\"say \"\"x\"\"\",0.5\n");
}

TEST(Csv, ReaderUndoesTheWriter) {
  CsvWriter table({"name", "value"});
  table.row() << "a,\"b\"" << 3;
  const auto read = CsvTable::parse("# comment\n" + table.text(), "t.csv");
  ASSERT_EQ(read.rows(), 1u);
  EXPECT_EQ(read.at(0, "name"), "a,\"b\"");
  EXPECT_EQ(read.integer(0, "value"), 3);
  EXPECT_EQ(read.line(0), 3u);
}

TEST(Csv, MissingColumnNamesTheNearest) {
  const auto table = CsvTable::parse("cycles\n1\n", "t.csv");
  EXPECT_EQ(test::refusal_of([&] { table.at(0, "cycle"); }),
            "t.csv: no column 'cycle'; did you mean cycles?");
}

TEST(Csv, ShortLineIsRefusedWithItsNumber) {
  EXPECT_THROW(CsvTable::parse("a,b\n1,2\n3\n", "t.csv"), UserError);
}

TEST(Csv, TextInANumberCellIsRefused) {
  const auto table = CsvTable::parse("a\n12x\n", "t.csv");
  EXPECT_THROW(table.integer(0, "a"), UserError);
}

}  // namespace tessera
