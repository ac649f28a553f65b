// The examples that the help texts of lapicheck and of `check` end with.
#pragma once

namespace lapicheck::checker {

inline constexpr auto examples = R"(Examples:
  lapicheck check trace.txt                       a recording against the manuals
  lapicheck check --profile kvm --format json *.txt
  trace-cmd report trace.dat | lapicheck check -  what trace-cmd recorded
  zstd -dc trace.txt.zst | lapicheck check -
  lapicheck record -o trace.txt -- COMMAND        what KVM does while COMMAND runs; watch judges it at once
  lapicheck run program.json --on kvm             accesses on the KVM of this machine, judged
  lapicheck audit                                 the KVM of this machine, register by register
  lapicheck prove --impl kvm-2018                 an implementation against the rules' properties
  lapicheck explain M01                           a rule, its source, KVM's departures from it
  lapicheck list registers                        or rules, properties, implementations

Exit status: 0 conforms, 1 a divergence, 2 wrong usage or input, 4 nothing could be checked or run.)";

} // namespace lapicheck::checker
