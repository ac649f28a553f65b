// The examples that the help texts of lapicheck and of `check` end with.
#pragma once

namespace lapicheck::checker {

inline constexpr auto examples = R"(Examples:
  lapicheck check trace.txt                       check a recording against the manuals
  lapicheck check --profile kvm --format json *.txt
  lapicheck check trace.dat perf.data all.tar.xz  trace-cmd's and perf's recordings, archives, pasted mails
  lapicheck check --format jsonl -r runs          each recording of a folder, a report a line
  lapicheck convert trace.dat | head              what lapicheck understood of a recording
  lapicheck record -o trace.txt -- COMMAND        record KVM while COMMAND runs; 'watch' checks meanwhile
  lapicheck run program.json --on kvm             run accesses on this machine's KVM and check them
  lapicheck audit                                 examine this machine's KVM, register by register
  lapicheck prove --impl kvm-2018                 prove or refute the properties of an implementation
  lapicheck explain M01                           explain a rule, with its sources and KVM's departures
  lapicheck list registers                        or rules, properties, implementations, departures

Exit status: 0 conforms, 1 a divergence, 2 wrong usage or input, 4 nothing could be checked or run.)";

} // namespace lapicheck::checker
