#include "heddle_regex.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <re2/re2.h>

struct heddle_regex {
    RE2 expression;
    heddle_regex(const re2::StringPiece &pattern, const RE2::Options &options) : expression(pattern, options) {}
};

namespace {

constexpr int maximumGroups = 10; // the whole match and \1 to \9

void write(const std::string &message, char *error, size_t capacity, size_t *length) {
    *length = std::min(message.size(), capacity);
    std::memcpy(error, message.data(), *length);
}

} // namespace

// No exception may cross into Swift: RE2 reports by values, and running out of memory ends the process either way.
extern "C" {

heddle_regex *heddle_regex_compile(const char *pattern, size_t length, bool case_sensitive, char *error,
                                   size_t error_capacity, size_t *error_length) {
    RE2::Options options;
    options.set_log_errors(false);
    options.set_case_sensitive(case_sensitive);
    auto *regex = new (std::nothrow) heddle_regex(re2::StringPiece(pattern, length), options);
    *error_length = 0;
    if (regex == nullptr) {
        write("out of memory", error, error_capacity, error_length);
        return nullptr;
    }
    if (!regex->expression.ok()) {
        write(regex->expression.error(), error, error_capacity, error_length);
        delete regex;
        return nullptr;
    }
    return regex;
}

void heddle_regex_free(heddle_regex *regex) { delete regex; }

int heddle_regex_program_size(const heddle_regex *regex) { return regex->expression.ProgramSize(); }

int heddle_regex_group_count(const heddle_regex *regex) {
    return regex->expression.NumberOfCapturingGroups();
}

bool heddle_regex_full_match(const heddle_regex *regex, const char *text, size_t length) {
    return regex->expression.Match(re2::StringPiece(text, length), 0, length, RE2::ANCHOR_BOTH, nullptr, 0);
}

bool heddle_regex_find(const heddle_regex *regex, const char *text, size_t length, size_t start, int32_t *offsets,
                       int group_count) {
    re2::StringPiece groups[maximumGroups];
    const int wanted = std::min(group_count, maximumGroups);
    // A null pointer says "took no part" below: empty text may come with one.
    if (text == nullptr) text = "";
    const re2::StringPiece whole(text, length);
    if (!regex->expression.Match(whole, start, length, RE2::UNANCHORED, groups, wanted)) return false;
    for (int index = 0; index < wanted; index++) {
        const bool took_part = groups[index].data() != nullptr;
        const auto begin = took_part ? static_cast<int32_t>(groups[index].data() - text) : -1;
        offsets[2 * index] = begin;
        offsets[2 * index + 1] = took_part ? begin + static_cast<int32_t>(groups[index].size()) : -1;
    }
    return true;
}

} // extern "C"
