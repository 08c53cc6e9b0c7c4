// SPDX-License-Identifier: Apache-2.0
// Corpora read from folders: layout of lines, numbering, and one clear message for each kind of bad
// input.
#include "data/corpus.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <string_view>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::data {
namespace {

namespace fs = std::filesystem;

class CorpusTest : public testing::Test {
 protected:
  CorpusTest() {
    std::string pattern = testing::TempDir() + "corpus.XXXXXX";
    folder_ = fs::path(mkdtemp(pattern.data())) / "my words";
    fs::create_directory(folder_);
    write("train.txt", "the cat sat\n");
    write("valid.txt", "the cat\n");
    write("test.txt", "sat\n");
  }
  ~CorpusTest() override { fs::remove_all(folder_.parent_path()); }

  void write(const std::string& name, std::string_view text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  /// The words of the training split, joined by spaces, when train.txt holds `text`.
  std::string train_words(std::string_view text) {
    write("train.txt", text);
    write("valid.txt", text);
    write("test.txt", text);
    const Corpus corpus = read_corpus(folder_);
    std::string words;
    for (const std::int32_t token : corpus.train) {
      words += (words.empty() ? "" : " ") + corpus.vocabulary.at(static_cast<std::size_t>(token));
    }
    return words;
  }
  /// Reads and expects an InputError with this code whose message holds all `parts`.
  void expect_error(ExitCode code, const std::vector<std::string>& parts) {
    try {
      read_corpus(folder_, prefix_);
      ADD_FAILURE() << "no error";
    } catch (const InputError& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      for (const std::string& part : parts) {
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
            << "'" << part << "' is not in: " << error.what();
      }
    }
  }

  fs::path folder_;
  std::string prefix_;
};

TEST_F(CorpusTest, NumbersWordsInSortedOrder) {
  const Corpus corpus = read_corpus(folder_);
  EXPECT_EQ(corpus.name, "my words");
  EXPECT_EQ(corpus.vocabulary, (std::vector<std::string>{"<eos>", "cat", "sat", "the"}));
  EXPECT_EQ(corpus.train, (std::vector<std::int32_t>{3, 1, 2, 0}));
  EXPECT_EQ(corpus.valid, (std::vector<std::int32_t>{3, 1, 0}));
  EXPECT_EQ(corpus.test, (std::vector<std::int32_t>{2, 0}));
  EXPECT_EQ(corpus.vocabulary_size(), 4);
  EXPECT_FALSE(corpus.entropy_rate.has_value());
}

TEST_F(CorpusTest, NameIgnoresATrailingSlash) {
  EXPECT_EQ(read_corpus(folder_ / "").name, "my words");
  EXPECT_EQ(read_corpus(folder_ / ".").name, "my words");
}

TEST_F(CorpusTest, EveryLineEndsInEos) {
  EXPECT_EQ(train_words("a b\nc\n"), "a b <eos> c <eos>");
  EXPECT_EQ(train_words("a b\nc"), "a b <eos> c <eos>") << "missing final newline";
  EXPECT_EQ(train_words("a\n\n\nb\n"), "a <eos> <eos> <eos> b <eos>") << "blank lines";
  EXPECT_EQ(train_words("\n a\n"), "<eos> a <eos>") << "blank first line";
  EXPECT_EQ(train_words("a\n \t "), "a <eos> <eos>") << "last line holds only spaces";
}

TEST_F(CorpusTest, AnyWhiteSpaceSeparates) {
  EXPECT_EQ(train_words("  a \t b  \nc\n"), "a b <eos> c <eos>");
  EXPECT_EQ(train_words("a b\r\n\r\nc\r\n"), "a b <eos> <eos> c <eos>") << "CRLF";
  EXPECT_EQ(train_words("a b\rc\r\rd"), "a b <eos> c <eos> <eos> d <eos>") << "CR";
  EXPECT_EQ(train_words("我们\u3000今天\u00A0去\u2003玩\n"), "我们 今天 去 玩 <eos>");
}

TEST_F(CorpusTest, WordsAreUtf8) {
  EXPECT_EQ(train_words("\xEF\xBB\xBF"
                        "größer\xC2\xA0"
                        "als 猫 naïve\n"),
            "größer als 猫 naïve <eos>")
      << "no byte-order mark; a no-break space separates words";
}

TEST_F(CorpusTest, BytesThatAreNotUtf8AreRefused) {
  write("valid.txt", "the\r\ncat\rcaf\xE9\n");
  expect_error(ExitCode::bad_data, {"valid.txt:3:", "0xE9", "UTF-8"});
}

TEST_F(CorpusTest, OneHugeLine) {
  std::string line;
  for (int i = 0; i < 300000; ++i) line += "abc defg ";
  write("train.txt", line);
  write("valid.txt", "abc");
  write("test.txt", "abc");
  EXPECT_EQ(read_corpus(folder_).train.size(), 600001u);
}

TEST_F(CorpusTest, FilesMayHaveAPrefix) {
  fs::rename(folder_ / "train.txt", folder_ / "ptb.train.txt");
  fs::rename(folder_ / "valid.txt", folder_ / "ptb.valid.txt");
  write("retrain.txt", "not a split");
  EXPECT_EQ(read_corpus(folder_).train.size(), 4u);
}

TEST_F(CorpusTest, WikiTextsNamesAreFound) {
  for (const char* split : {"train", "valid", "test"}) {
    fs::rename(folder_ / concat(split, ".txt"), folder_ / concat("wiki.", split, ".tokens"));
  }
  EXPECT_EQ(read_corpus(folder_).train.size(), 4u);
  write("wiki.train.txt", "a\n");
  expect_error(ExitCode::bad_data, {"wiki.train.tokens, wiki.train.txt; leave exactly one there"});
}

TEST_F(CorpusTest, HiddenFilesAreNoCandidates) {
  for (const char* file : {"._train.txt", ".ptb.train.txt", ".valid.txt"})
    write(file, "not a split");
  EXPECT_EQ(read_corpus(folder_).train.size(), 4u);
}

TEST_F(CorpusTest, TheLettersBesideTheWordsAreNoCandidates) {
  for (const char* split : {"train", "valid", "test"}) {
    fs::rename(folder_ / concat(split, ".txt"), folder_ / concat("ptb.", split, ".txt"));
    write(concat("ptb.char.", split, ".txt"), "t h e _ c a t _ s a t\n");
  }
  EXPECT_EQ(read_corpus(folder_).vocabulary,
            (std::vector<std::string>{"<eos>", "cat", "sat", "the"}));
  const Corpus letters = read_corpus(folder_, "ptb.char");
  EXPECT_EQ(letters.train.size(), 12u);
  EXPECT_EQ(letters.name, "my words/ptb.char");
  for (const char* split : {"train", "valid", "test"}) {
    fs::remove(folder_ / concat("ptb.", split, ".txt"));
  }
  EXPECT_EQ(read_corpus(folder_).digest, letters.digest) << "nothing but letters";
}

TEST_F(CorpusTest, APrefixChoosesAmongSeveral) {
  for (const char* split : {"train", "valid", "test"}) {
    write(concat("big.", split, ".txt"), "a b c d e\n");
    write(concat("small.", split, ".txt"), "a b\n");
  }
  expect_error(ExitCode::bad_data,
               {"big.train.txt, small.train.txt, train.txt", "data.prefix (\"big\" or \"small\")"});
  EXPECT_EQ(read_corpus(folder_, "big").train.size(), 6u);
  EXPECT_EQ(read_corpus(folder_, "small").train.size(), 3u);
  prefix_ = "sma";
  expect_error(ExitCode::missing_input, {"sma.train.txt", "data.prefix", folder_.string()});
}

TEST_F(CorpusTest, CountsUnknownWordsAndWarnsOfMany) {
  write("train.txt", "a b c d e f g h <unk>\n");
  write("valid.txt", "a b c d e f g h\na <unk>\n");
  write("test.txt", "a A\nB\n");
  const Corpus corpus = read_corpus(folder_);
  EXPECT_EQ(corpus.train_text.words, 9);
  EXPECT_EQ(corpus.train_text.unknown_words, 1);
  EXPECT_EQ(corpus.valid_text.words, 10);
  EXPECT_EQ(corpus.valid_text.unknown_words, 1) << "written as <unk>";
  EXPECT_EQ(corpus.valid_text.first_unknown, "");
  EXPECT_EQ(corpus.test_text.words, 3);
  EXPECT_EQ(corpus.test_text.unknown_words, 2);
  const auto warnings = corpus_warnings(corpus);
  ASSERT_EQ(warnings.size(), 2u) << "exactly 10 % are not many";
  EXPECT_NE(warnings[0].find("11.1 % of the training split's words"), std::string::npos);
  EXPECT_NE(warnings[1].find("66.7 % of the test split's words"), std::string::npos);
  EXPECT_NE(warnings[1].find("'A' ("), std::string::npos) << warnings[1];
  EXPECT_NE(warnings[1].find("test.txt:1)"), std::string::npos) << warnings[1];
}

TEST_F(CorpusTest, WarnsOfLinesThatEndInEosAlready) {
  EXPECT_TRUE(corpus_warnings(read_corpus(folder_)).empty());
  write("train.txt", "the cat <eos>\n<eos> sat\n");
  write("valid.txt", "the cat <eos>\nthe cat sat <eos> \n");
  const Corpus corpus = read_corpus(folder_);
  EXPECT_EQ(corpus.train_text.eos_lines, 1);
  EXPECT_EQ(corpus.valid_text.eos_lines, 2);
  EXPECT_EQ(corpus.test_text.eos_lines, 0);
  const auto warnings = corpus_warnings(corpus);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("1 of the training split's 2 lines, 2 of the validation split's 2"),
            std::string::npos)
      << warnings[0];
  // Two of nine tokens cost nothing: 100^(7/9) = 35.9.
  EXPECT_NE(warnings[0].find("what would be 100 shows as about 36"), std::string::npos)
      << warnings[0];
}

TEST_F(CorpusTest, UnknownWordsBecomeUnkWhereTheTrainingFileHasIt) {
  write("train.txt", "a <unk> b\n");
  write("valid.txt", "a zebra\n");
  write("test.txt", "b\n");
  const Corpus corpus = read_corpus(folder_);
  EXPECT_EQ(corpus.vocabulary, (std::vector<std::string>{"<eos>", "<unk>", "a", "b"}));
  EXPECT_EQ(corpus.valid, (std::vector<std::int32_t>{2, 1, 0}));
}

TEST_F(CorpusTest, UnknownWordWithoutUnkNamesFileLineAndWord) {
  write("valid.txt", "the cat\nthe zebra\n");
  expect_error(ExitCode::bad_data, {"valid.txt:2:", "'zebra'", "<unk>"});
}

TEST_F(CorpusTest, MissingFolderAndFiles) {
  fs::remove(folder_ / "test.txt");
  expect_error(ExitCode::missing_input, {"test.txt", folder_.string(), "data.path"});
  folder_ /= "nowhere";
  expect_error(ExitCode::missing_input, {"nowhere", "data.path"});
  folder_ = folder_.parent_path() / "train.txt";
  expect_error(ExitCode::missing_input, {"not a folder"});
}

TEST_F(CorpusTest, SeveralCandidates) {
  write("ptb.train.txt", "a\n");
  expect_error(ExitCode::bad_data, {"ptb.train.txt, train.txt", "exactly one"});
}

TEST_F(CorpusTest, EmptySplits) {
  write("valid.txt", "");
  expect_error(ExitCode::bad_data, {"valid.txt", "empty"});
  write("valid.txt", "\n \n");
  expect_error(ExitCode::bad_data, {"valid.txt", "empty"});
}

TEST_F(CorpusTest, WordLengthIsBounded) {
  const std::string longest(1000, 'x');
  EXPECT_EQ(train_words(longest + "\n"), longest + " <eos>");
  write("train.txt", "a\n" + longest + "x\n");
  expect_error(ExitCode::bad_data, {"train.txt:2:", "1001 bytes"});
}

TEST_F(CorpusTest, NulBytesAreRefused) {
  using namespace std::string_view_literals;
  write("test.txt", "the\nca\0t\n"sv);
  expect_error(ExitCode::bad_data, {"test.txt:2:", "NUL"});
}

TEST_F(CorpusTest, MessagesHoldNoControlBytes) {
  write("valid.txt", "\x1B[2Jzebra\n");
  expect_error(ExitCode::bad_data, {"'?[2Jzebra'"});
}

TEST_F(CorpusTest, DigestSeesEveryTokenAndWord) {
  const Corpus corpus = read_corpus(folder_);
  EXPECT_EQ(read_corpus(folder_).digest, corpus.digest);
  EXPECT_EQ(digest_corpus(corpus), corpus.digest);
  Corpus other = corpus;
  other.name = "elsewhere";
  EXPECT_EQ(digest_corpus(other), corpus.digest) << "the place does not matter";
  for (auto* split : {&other.train, &other.valid, &other.test}) {
    other = corpus;
    split->back() = 1;
    EXPECT_NE(digest_corpus(other), corpus.digest);
  }
  other = corpus;
  other.valid.insert(other.valid.begin(), other.train.back());
  other.train.pop_back();
  EXPECT_NE(digest_corpus(other), corpus.digest) << "where a split ends matters";
  other = corpus;
  other.vocabulary[1] = "dog";
  EXPECT_NE(digest_corpus(other), corpus.digest);
}

}  // namespace
}  // namespace enas::data
