// The catalogue's decided_by and the code, held together: what decides a rule is said where it is so,
// and nothing decides a rule of which the catalogue does not say so.
#include "specs/catalogue.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <doctest/doctest.h>

namespace {

using namespace lapicheck::specs;

std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<std::filesystem::path> sources() {
    std::vector<std::filesystem::path> files;
    for (const char* folder : {"model", "programs/sim", "checker/judge", "checker/replay", "checker/audit"})
        for (const auto& entry :
             std::filesystem::directory_iterator(std::string(LAPICHECK_SOURCE_DIR) + "/" + folder)) {
            const std::string extension = entry.path().extension().string();
            if (extension == ".hpp" || extension == ".cpp") files.push_back(entry.path());
        }
    return files;
}

bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The text without what the compiler does not read: comments, and what stands in string literals.
std::string code_of(std::string_view text) {
    std::string code;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::string_view rest = text.substr(i);
        const bool digit_separator = text[i] == '\'' && i > 0 && is_name(text[i - 1]);
        if (rest.starts_with("//")) {
            i += std::min(rest.find('\n'), rest.size()) - 1;
        } else if (rest.starts_with("/*")) {
            i += std::min(rest.find("*/"), rest.size() - 2) + 1;
        } else if (rest.starts_with("R\"(")) {
            i += std::min(rest.find(")\""), rest.size() - 2) + 1;
        } else if ((text[i] == '"' || text[i] == '\'') && !digit_separator) {
            const char quote = text[i];
            while (++i < text.size() && text[i] != quote)
                if (text[i] == '\\') ++i;
        } else {
            code += text[i];
        }
    }
    return code;
}

struct Token {
    std::string_view text;
    std::string_view before; // the code up to it
    std::size_t depth;       // in braces
};

// Names and braces of the code, in order.
std::vector<Token> tokens_of(std::string_view code) {
    std::vector<Token> tokens;
    std::size_t depth = 0;
    for (std::size_t i = 0; i < code.size(); ++i) {
        if (code[i] == '{') ++depth;
        if (code[i] == '}') tokens.push_back({code.substr(i, 1), code.substr(0, i), depth--});
        if (!is_name(code[i])) continue;
        const std::size_t begin = i;
        while (i + 1 < code.size() && is_name(code[i + 1])) ++i;
        tokens.push_back({code.substr(begin, i + 1 - begin), code.substr(0, begin), depth});
    }
    return tokens;
}

// Ids in code: `Rule::M01`, or M01 alone in a block after its `using enum Rule`.
std::set<std::string> rules_in(std::string_view text) {
    const std::string code = code_of(text);
    std::set<std::string> ids;
    std::size_t using_since = 0; // depth of the block that uses the names, 0: none
    for (const Token& token : tokens_of(code)) {
        const bool of_rule = token.before.ends_with("Rule::");
        if (token.text == "}" && token.depth == using_since) using_since = 0;
        if (token.text == "Rule" &&
            (token.before.ends_with("using enum ") || token.before.ends_with("using enum model::")))
            using_since = token.depth;
        const bool alone = using_since != 0 && !token.before.ends_with("::");
        const std::string id(token.text);
        if ((of_rule || alone) && find_rule(id) != nullptr && find_rule(id)->id == id) ids.insert(id);
    }
    return ids;
}

bool contains_name(const std::string& text, const std::string& name) {
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
        const bool begins = at == 0 || !is_name(text[at - 1]);
        const bool ends = at + name.size() == text.size() || !is_name(text[at + name.size()]);
        if (begins && ends) return true;
    }
    return false;
}

TEST_CASE("an id counts as code only where the compiler reads it as a rule") {
    using Ids = std::set<std::string>;
    CHECK(rules_in("return gp(Rule::X01);") == Ids{"X01"});
    CHECK(rules_in("return gp(model::Rule::B13a); // Rule::X02") == Ids{"B13a"});
    CHECK(rules_in("/* Rule::X03 */ f(Rule::X04);") == Ids{"X04"});
    CHECK(rules_in("f(\"Rule::X05 \\\" Rule::X06\", Rule::X07);") == Ids{"X07"});
    CHECK(rules_in("void f() { using enum Rule; g(M01); } void h() { g(M02); }") == Ids{"M01"});
    CHECK(rules_in("void f() { using enum Rule; { g(M01); } g(M02); } int M03;") == (Ids{"M01", "M02"}));
    CHECK(rules_in("void f() { using enum Reg; g(M01); }").empty());
    CHECK(rules_in("void f() { using enum Rule; Other::M01(); M0; M011; XM01; }").empty());
    CHECK(rules_in("// it's open\nf(Rule::T01);") == Ids{"T01"});
    CHECK(rules_in("f('\"', Rule::T02, '\\'', 1'000, \"'\"); g(Rule::T03);") == (Ids{"T02", "T03"}));
    CHECK(rules_in("f(R\"(\"Rule::T04)\"); g(Rule::T05);") == Ids{"T05"});
}

TEST_CASE("the code is found, and rules in it") {
    CHECK(sources().size() > 30);
    std::set<std::string> ids;
    for (const auto& path : sources()) ids.merge(rules_in(text_of(path)));
    CHECK(ids.size() > 80);
    for (const char* id : {"M01", "M02", "X01", "B06", "T12", "L02", "B12"}) CHECK(ids.contains(id));
}

TEST_CASE("a rule that the code applies has an entry that says what decides it") {
    for (const auto& path : sources())
        for (const std::string& id : rules_in(text_of(path))) {
            CAPTURE(path.filename().string());
            CAPTURE(id);
            CHECK_FALSE(find_rule(id)->decided_by.empty());
        }
}

TEST_CASE("what is said to decide a rule exists, and the rule's id stands beside it") {
    std::map<std::string, std::string> texts;
    unsigned decided = 0;
    for (const RuleEntry& rule : catalogue().rules) {
        if (rule.decided_by.empty()) continue;
        ++decided;
        CAPTURE(rule.id);
        CAPTURE(rule.decided_by);
        const std::size_t colon = rule.decided_by.find(": ");
        REQUIRE(colon != std::string::npos);
        const std::string file = rule.decided_by.substr(0, colon);
        if (!texts.contains(file)) texts[file] = text_of(std::string(LAPICHECK_SOURCE_DIR) + "/" + file);
        const std::string& text = texts[file];
        CHECK_FALSE(text.empty());
        CHECK(contains_name(code_of(text), rule.decided_by.substr(colon + 2)));
        CHECK(contains_name(text, rule.id));
    }
    CHECK(decided > 80);
}

} // namespace
