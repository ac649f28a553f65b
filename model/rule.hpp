// The names of the rules. Statement, level, vendor and citation of each stand in specs/rules.json;
// a test holds the two together.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace lapicheck::model {

// B base and mode, M window, X MSR space, D identification, V version and SVR, L local vector
// table, T timer, I interrupt command, E errors, R reset and INIT, P acceptance and priority.
// Its layout of this list does not settle.
// clang-format off
#define LAPICHECK_RULES(X)                                                                                   \
    X(B01)                                                                                                   \
    X(B02)                                                                                                   \
    X(B03)                                                                                                   \
    X(B04)                                                                                                   \
    X(B05)                                                                                                   \
    X(B06)                                                                                                   \
    X(B07)                                                                                                   \
    X(B08)                                                                                                   \
    X(B09)                                                                                                   \
    X(B10)                                                                                                   \
    X(B11)                                                                                                   \
    X(B12)                                                                                                   \
    X(B13a)                                                                                                  \
    X(B13b) X(B14) X(B15) X(B16) X(B17) X(M01) X(M02) X(M03) X(M04) X(M05) X(M06) X(M07) X(M08) X(M09)       \
        X(M10) X(M11) X(M12) X(M13) X(M14) X(M15) X(M16) X(X01) X(X02) X(X03) X(X04) X(X05) X(X06) X(X07)    \
            X(X08) X(X09) X(X10) X(X11) X(X12) X(X13) X(X14) X(X15) X(X16) X(X17) X(X18) X(D01) X(D02)       \
                X(D03) X(D04) X(D05) X(D06) X(D07) X(D08) X(D09) X(D10) X(D11) X(D12) X(D13) X(V01) X(V02)   \
                    X(V03) X(V04) X(V05) X(V06) X(V07) X(V08) X(V09) X(V10) X(V11) X(V12) X(V13) X(L01)      \
                        X(L02) X(L03) X(L04a) X(L04b) X(L05) X(L06) X(L07) X(L08) X(L09) X(L10) X(L11)       \
                            X(L12) X(T01) X(T02) X(T03) X(T04) X(T05) X(T06) X(T07) X(T08) X(T09) X(T10)     \
                                X(T11) X(T12) X(T13a) X(T13b) X(T14) X(T15) X(T16) X(T17) X(T18) X(T19)      \
                                    X(T20) X(T21) X(I01) X(I02) X(I03) X(I04) X(I05) X(I06) X(I07) X(I08)    \
                                        X(I09) X(I10) X(I11) X(I12) X(I13) X(I14) X(I15) X(I16) X(I17)       \
                                            X(I18) X(I19) X(I20) X(I21) X(I22) X(I23) X(I24) X(I26) X(E01)   \
                                                X(E02) X(E03) X(E04) X(E05) X(E06) X(E07) X(E08) X(E09)      \
                                                    X(R01) X(R02) X(R03) X(R04) X(R05) X(R06) X(R07) X(R08)  \
                                                        X(P01) X(P02) X(P03) X(P04) X(P05) X(P06) X(P07)     \
                                                            X(P08) X(P09) X(P10) X(P11) X(P12) X(P13) X(P14) \
                                                                X(P15)
// clang-format on

enum class Rule : std::uint8_t {
#define LAPICHECK_RULE(id) id,
    LAPICHECK_RULES(LAPICHECK_RULE)
#undef LAPICHECK_RULE
};

inline constexpr std::array rule_ids = {
#define LAPICHECK_RULE(id) std::string_view{#id},
    LAPICHECK_RULES(LAPICHECK_RULE)
#undef LAPICHECK_RULE
};

constexpr std::string_view to_string(Rule rule) { return rule_ids[static_cast<std::size_t>(rule)]; }

} // namespace lapicheck::model
