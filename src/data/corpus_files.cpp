// SPDX-License-Identifier: Apache-2.0
#include "data/corpus_files.hpp"

#include <algorithm>
#include <map>
#include <system_error>
#include <vector>

#include "core/error.hpp"
#include "core/text.hpp"

namespace enas::data {
namespace {

namespace fs = std::filesystem;

/// The files that could be a split, by their prefix ("" for train.txt); two where both endings are
/// there.
using Candidates = std::multimap<std::string, fs::path>;

std::vector<fs::path> visible_files(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw InputError(concat("the corpus folder ", folder.string(),
                            " is not there or not a folder; data.path names it"),
                     ExitCode::missing_input);
  }
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->path().filename().string().starts_with('.')) files.push_back(entry->path());
  }
  if (error) {
    throw InputError(concat("cannot list the corpus folder ", folder.string(), ": ",
                            error.message(), "; data.path names it"),
                     ExitCode::missing_input);
  }
  std::sort(files.begin(), files.end());
  return files;
}

Candidates candidates_for(const std::string& split, const std::vector<fs::path>& files) {
  Candidates candidates;
  for (const fs::path& path : files) {
    const std::string file = path.filename().string();
    for (const char* ending : {".txt", ".tokens"}) {
      const std::string plain = split + ending;
      if (file == plain) candidates.emplace("", path);
      if (file.ends_with("." + plain)) {
        candidates.emplace(file.substr(0, file.size() - plain.size() - 1), path);
      }
    }
  }
  return candidates;
}

/// Leaves the letters of a corpus out where its words are there too.
void drop_letters(Candidates& candidates) {
  for (auto each = candidates.begin(); each != candidates.end();) {
    const std::string& prefix = each->first;
    const bool is_letters =
        prefix.ends_with(".char") && candidates.contains(prefix.substr(0, prefix.size() - 5));
    each = is_letters ? candidates.erase(each) : std::next(each);
  }
}

fs::path find_split(const std::string& split, const std::vector<fs::path>& files,
                    const fs::path& folder, const std::string& prefix) {
  Candidates candidates = candidates_for(split, files);
  if (prefix.empty()) {
    drop_letters(candidates);
  } else {
    std::erase_if(candidates, [&](const auto& each) { return each.first != prefix; });
  }
  if (candidates.empty()) {
    const std::string plain = split + ".txt";
    throw InputError(
        prefix.empty()
            ? concat("no ", plain, ", *.", plain, " or *.", split, ".tokens in the corpus folder ",
                     folder.string(), "; data.path names the folder")
            : concat("no ", prefix, ".", plain, " or ", prefix, ".", split,
                     ".tokens in the corpus folder ", folder.string(),
                     "; data.prefix says how the names begin, data.path names the "
                     "folder"),
        ExitCode::missing_input);
  }
  if (candidates.size() == 1) return candidates.begin()->second;
  std::vector<std::string> names;
  std::vector<std::string> choices;
  for (const auto& [each, path] : candidates) {
    names.push_back(path.filename().string());
    if (!each.empty() && candidates.count(each) == 1) choices.push_back(concat("\"", each, "\""));
  }
  std::sort(names.begin(), names.end());
  throw InputError(concat(
      "several files could be the ", split, " split in ", folder.string(), ": ", join(names, ", "),
      "; ",
      prefix.empty() && !choices.empty()
          ? concat("set data.prefix (", join(choices, " or "), "), or leave exactly one there")
          : "leave exactly one there"));
}

}  // namespace

CorpusFiles find_corpus_files(const fs::path& folder, const std::string& prefix) {
  const std::vector<fs::path> files = visible_files(folder);
  // The slash and the dot make "data/ptb/" and "data/ptb" both end in the folder's own name.
  const std::string name =
      (fs::absolute(folder) / ".").lexically_normal().parent_path().filename().string();
  return {prefix.empty() ? name : concat(name, "/", prefix),
          find_split("train", files, folder, prefix), find_split("valid", files, folder, prefix),
          find_split("test", files, folder, prefix)};
}

}  // namespace enas::data
