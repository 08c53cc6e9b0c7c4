// SPDX-License-Identifier: Apache-2.0
// Architectures as people paste them: logs with lines around, several genotypes, forms of programs
// that came after DARTS, byte-order marks and blanks that are none of ASCII.
#include <gtest/gtest.h>

#include <string>

#include "space/formats/formats.hpp"
#include "unit/space/published.hpp"
#include "unit/space/refusal.hpp"

namespace enas::space {
namespace {

using enum ArchitectureFormat;

constexpr const char* kMark = "\xEF\xBB\xBF";
constexpr const char* kNoBreak = "\xC2\xA0";

ArchitectureFile read_darts(std::string_view text, int nth = 0) {
  return import_architecture(darts, {}, text, "my.log", nth);
}

std::string darts_refusal(std::string_view text, int nth = 0) {
  return refusal_of([&] { read_darts(text, nth); });
}

/// A cell of one node with this operation on input 0, twice.
std::string genotype_of(std::string_view operation) {
  const std::string pairs = "[('" + std::string(operation) + "', 0), ('skip_connect', 1)]";
  return "Genotype(normal=" + pairs + ", normal_concat=[2], reduce=" + pairs +
         ", reduce_concat=[2])";
}

std::string text_of(const ArchitectureFile& file) {
  return std::get<MicroNet>(file.network).text();
}

const std::string kTwoNodes =
    "normal 2:identity(0)+identity(1) 3:sep_conv_3x3(0)+sep_conv_3x3(2) | concat 2 3; "
    "reduction 2:sep_conv_5x5(0)+sep_conv_3x3(1) 3:sep_conv_3x3(2)+sep_conv_5x5(1) | concat 2 3";

TEST(PastedForms, ALogMayGoOnAfterTheGenotype) {
  const std::string log =
      "2020-01-01 02:00:00,000 epoch 1 lr 2.5e-02\n"
      "2020-01-01 02:51:20,249 genotype = " +
      genotype_of("sep_conv_5x5") +
      "\n2020-01-01 02:51:21,000 train 000 2.3 10.0 (it's fine) {'a': 1}\n";
  const ArchitectureFile file = read_darts(log);
  EXPECT_EQ(file.network, read_darts(genotype_of("sep_conv_5x5")).network);
  EXPECT_TRUE(file.notes.empty());
}

TEST(PastedForms, OfSeveralGenotypesTheLastIsRead) {
  const std::string log = genotype_of("sep_conv_3x3") + "\nepoch 2\n" +
                          genotype_of("sep_conv_5x5") + "\nepoch 3\n" + genotype_of("max_pool_3x3");
  const ArchitectureFile file = read_darts(log);
  EXPECT_EQ(file.network, read_darts(genotype_of("max_pool_3x3")).network);
  ASSERT_EQ(file.notes.size(), 1U);
  expect_words(file.notes[0], {"my.log", "3 genotypes", "the last", "line 5", "--nth"});

  const ArchitectureFile second = read_darts(log, 2);
  EXPECT_EQ(second.network, read_darts(genotype_of("sep_conv_5x5")).network);
  EXPECT_TRUE(second.notes.empty());
  expect_words(darts_refusal(log, 4), {"my.log", "3 genotypes", "--nth is 4"});
  expect_words(darts_refusal(genotype_of("sep_conv_3x3"), 2), {"1 genotype,", "--nth is 2"});
}

TEST(PastedForms, OnlyTheGenotypeThatIsReadMustBeWhole) {
  const std::string log = genotype_of("sep_conv_3x3") + "\n" +
                          genotype_of("sep_conv_5x5").substr(0, 40);  // the job was killed here
  expect_words(darts_refusal(log), {"my.log:2:40", "genotype 2 of 2", "--nth"});
  EXPECT_EQ(darts_refusal(log, 1), "accepted");
  expect_words(darts_refusal(genotype_of("sep_conv_3x3") + "\n" + genotype_of("none")),
               {"my.log:2: normal[0][0] is \"none\""});
}

TEST(PastedForms, WeightsOfOperationsAreDropped) {
  const std::string gdas = R"(
GDAS_V1 = Genotype(
  normal=[('skip_connect', 0, 0.1301), ('skip_connect', 1, 1.2e-1),
          ('sep_conv_3x3', 0, .19), ('sep_conv_3x3', 2, -0.18)],
  normal_concat=range(2, 4),
  reduce=[('sep_conv_5x5', 0, np.float32(0.2)), ('sep_conv_3x3', 1, nan),
          ('sep_conv_3x3', 2, 1), ('sep_conv_5x5', 1, None)],
  reduce_concat=range(2, 4), connectN=None, connects=None))";
  EXPECT_EQ(text_of(read_darts(gdas)), kTwoNodes);
  expect_words(darts_refusal("Genotype(recurrent=[('tanh', 0, 'x')], concat=[1])"),
               {"recurrent[0][2] is \"x\"", "a weight"});
  expect_words(darts_refusal("Genotype(recurrent=[('tanh', 0, 1, 2)], concat=[1])"),
               {"recurrent[0]: 4 items"});
}

TEST(PastedForms, PairsMayBeGroupedByNode) {
  const std::string nested = R"(Genotype(
  normal=[(('skip_connect', 0), ('skip_connect', 1)), [('sep_conv_3x3', 0), ('sep_conv_3x3', 2)]],
  normal_concat=[2, 3],
  reduce=[[['sep_conv_5x5', 0, 0.5], ['sep_conv_3x3', 1, 0.5]],
          [['sep_conv_3x3', 2, 0.5], ['sep_conv_5x5', 1, 0.5]]],
  reduce_concat=[2, 3]))";
  EXPECT_EQ(text_of(read_darts(nested)), kTwoNodes);
  const std::string three = R"(Genotype(
  normal=[(('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 1))], normal_concat=[2],
  reduce=[], reduce_concat=[2]))";
  expect_words(darts_refusal(three), {"normal[0]: 3 pairs", "two"});
}

TEST(PastedForms, DictionariesAreGenotypesToo) {
  const std::string dictionary = R"({'normal': [('skip_connect', 0), ('skip_connect', 1),
    ('sep_conv_3x3', 0), ('sep_conv_3x3', 2)], 'normal_concat': [2, 3],
  'reduce': [('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2), ('sep_conv_5x5', 1)],
  'reduce_concat': [2, 3]})";
  EXPECT_EQ(text_of(read_darts("best: " + dictionary + " after 50 epochs")), kTwoNodes);
  EXPECT_EQ(text_of(read_darts("{\"epoch\": 3, \"genotype\": " + dictionary + "}")), kTwoNodes);
  std::string json = dictionary;
  for (char& letter : json) {
    if (letter == '\'') letter = '"';
    if (letter == '(') letter = '[';
    if (letter == ')') letter = ']';
  }
  EXPECT_EQ(text_of(read_darts(json)), kTwoNodes);
  expect_words(darts_refusal("{'normal': [], 'normal': []}"), {"'normal' is given twice"});
  expect_words(darts_refusal("{'normal' [], }"), {"no genotype"});
  expect_words(darts_refusal("{'normal': [], 3}"), {"my.log:1:16", "a name in quotes"});
}

TEST(PastedForms, RangesAndCallsAsPythonAndNumpyPrintThem) {
  const auto concat_of = [](std::string_view value) {
    const std::string pairs = "[('relu', 0), ('relu', 1), ('relu', np.int64(2))]";
    const std::string text = "Genotype(recurrent=" + pairs + ", concat=" + std::string(value) + ")";
    return std::get<RecurrentCell>(read_darts(text).network).outputs();
  };
  using Nodes = std::vector<int>;
  EXPECT_EQ(concat_of("range(1, 4, 1)"), (Nodes{1, 2, 3}));
  EXPECT_EQ(concat_of("range(1, 4, 2)"), (Nodes{1, 3}));
  EXPECT_EQ(concat_of("list(range(1, 3))"), (Nodes{1, 2}));
  EXPECT_EQ(concat_of("tuple(range(4))"), (Nodes{0, 1, 2, 3}));
  EXPECT_EQ(concat_of("array([2, 3])"), (Nodes{2, 3}));
  EXPECT_EQ(concat_of("list((2, 3,),)"), (Nodes{2, 3}));
  for (const char* wrong : {"range(1, 3, 0)", "range(1, 3, -1)", "range()", "range(1, 2, 1, 1)",
                            "range(1.0, 3)", "range(1, 1001)"}) {
    expect_words(refusal_of([&] { concat_of(wrong); }), {"range(begin, end, step)"});
  }
  expect_words(refusal_of([&] { concat_of("list(1, 2)"); }), {"one value in list(...)"});
  expect_words(refusal_of([&] { concat_of("set(1)"); }), {"list(...)", "before 'set(1)"});
}

TEST(PastedForms, AGenotypeThatIsTooLargeIsRefused) {
  std::string text = "Genotype(recurrent=[";
  for (int i = 0; i < 1000; ++i) text += "range(1000),";
  expect_words(darts_refusal(text + "], concat=[1])"), {"more than 100000 values"});
}

TEST(PastedForms, MessagesQuoteAShortVisiblePiece) {
  const std::string controls = "Genotype(normal=\x1b[31m\x01\xff" + std::string(1000, 'x');
  const std::string message = darts_refusal(controls);
  expect_words(message, {"before '\\x1b[31m\\x01\\xff"});
  EXPECT_LT(message.size(), 200U);
  for (const char letter : message) EXPECT_GE(static_cast<unsigned char>(letter), 0x20) << message;

  const auto number_refusal = [](const std::string& text) {
    return refusal_of([&] { import_architecture(tf, SpaceKind::recurrent, text, "my.txt"); });
  };
  const std::string word = number_refusal("0 0 " + std::string(100'000, '7'));
  expect_words(word, {"'7777", "…' after 2 tokens"});
  EXPECT_LT(word.size(), 300U);
  expect_words(number_refusal("0 0\x01"), {"'0\\x01' after 1 tokens"});

  const std::string bad_json = "{\"a\": \"" + std::string(100'000, 'y');
  const std::string syntax = refusal_of([&] { import_architecture(nni, {}, bad_json, "my.json"); });
  expect_words(syntax, {"my.json is no JSON"});
  EXPECT_LT(syntax.size(), 300U);
}

TEST(PastedForms, AByteOrderMarkAndOtherBlanksAreSkipped) {
  const std::string plain = "0 0 0 1 1";
  const auto cell = [](const std::string& text) {
    return import_architecture(tf, SpaceKind::recurrent, text, "my.txt").network;
  };
  const TypedView expected = cell(plain);
  EXPECT_EQ(cell(kMark + plain + "\r\n"), expected);
  // No-break, ideographic, line separator, zero width, next line.
  for (const char* blank :
       {"\xC2\xA0", "\xE3\x80\x80", "\xE2\x80\xA8", "\xE2\x80\x8B", "\xC2\x85"}) {
    EXPECT_EQ(cell(std::string("0\t0") + blank + "0 1 1" + blank), expected);
  }
  const std::string lm = std::string("0") + kNoBreak +
                         "3,\xE2\x80\x89"
                         "1 2";
  EXPECT_EQ(import_architecture(enas_lm, {}, kMark + lm, "my.txt").network,
            import_architecture(enas_lm, {}, "0 3 1 2", "my.txt").network);

  std::string genotype = kMark + genotype_of("sep_conv_3x3");
  for (std::size_t at = genotype.find(' '); at != std::string::npos; at = genotype.find(' ', at)) {
    genotype.replace(at, 1, kNoBreak);
  }
  EXPECT_EQ(read_darts(genotype).network, read_darts(genotype_of("sep_conv_3x3")).network);
}

TEST(PastedForms, BlanksInsideTheTextsOfJsonStay) {
  const std::string name = std::string("my") + kNoBreak + "\\\"cell\\\"" + kNoBreak;
  const std::string json = std::string(kMark) + "{" + kNoBreak + R"("format":)" + kNoBreak +
                           R"("enas_hpc architecture", "version": 1,
    "name": ")" + name + R"(", "space": "recurrent", "nodes": [{"function": "tanh"}]})" +
                           kNoBreak;
  const ArchitectureFile file = import_architecture(ArchitectureFormat::json, {}, json, "my.json");
  EXPECT_EQ(file.name, std::string("my") + kNoBreak + "\"cell\"" + kNoBreak);
}

TEST(PastedForms, Utf16IsNamed) {
  const std::string little("\xFF\xFE\x30\0 \0", 6);
  const std::string big("\xFE\xFF\0\x30", 4);
  for (const std::string& text : {little, big}) {
    for (const auto& name : architecture_format_names()) {
      const auto format = architecture_format_from_name(name);
      const std::string message =
          refusal_of([&] { import_architecture(format, SpaceKind::recurrent, text, "my.txt"); });
      expect_words(message, {"my.txt", "UTF-16", "save it as UTF-8"});
    }
  }
}

TEST(PastedForms, OperationsOfOtherSpacesAreNamedAsSuch) {
  for (const char* operation :
       {"dil_conv_3x3", "dil_conv_5x5", "sep_conv_7x7", "conv_7x1_1x7", "none"}) {
    const std::string message = darts_refusal(genotype_of(operation));
    expect_words(message, {std::string("normal[0][0] is \"") + operation,
                           "an operation of DARTS that this space does not have", "sep_conv_3x3"});
    EXPECT_EQ(message.find("did you mean"), std::string::npos) << message;
  }
  expect_words(darts_refusal(genotype_of("sep_conv_3x")), {"did you mean sep_conv_3x3?"});
  const std::string other = darts_refusal(genotype_of("conv_5x5"));
  EXPECT_EQ(other.find("did you mean"), std::string::npos) << other;

  Json of_nni = Json::parse(export_architecture(nni, load_architecture("enas-micro")));
  of_nni["normal/op_2_0"] = "dil_conv_3x3";
  expect_words(refusal_of([&] { import_architecture(nni, {}, of_nni.dump(), "nni"); }),
               {"normal/op_2_0", "an operation of DARTS that this space does not have"});
  Json native = architecture_json(load_architecture("enas-micro"));
  native["normal"]["nodes"][0]["operations"][1] = "skip_connect";
  expect_words(refusal_of([&] { architecture_from_json(native, "my.json"); }),
               {"normal.nodes[0].operations[1]", "called identity here"});
}

}  // namespace
}  // namespace enas::space
