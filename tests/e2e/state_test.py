"""Dumps of a local APIC's state: decoded, explained, held against the rules that speak of one state."""

import gzip
import json
import struct

import jsonschema

import program

SCHEMA = json.loads((program.SOURCE / "specs/schema/state-report.schema.json").read_text())

# The form of QEMU's monitor; the values are made up.
QEMU = """\
(qemu) info lapic 2
dumping local APIC state for CPU 2

LVT0\t 0x00010700 active-hi edge  masked                      ExtINT (vec 0)
LVTT\t 0x000400ec active-hi edge                 tsc-deadline Fixed  (vec 236)
Timer\t DCR=0x3 (divide by 16) initial_count = 1000 current_count = 400
SPIV\t 0x000001ff APIC enabled, focus=off, spurious vec 255
ICR\t 0x000000fd physical edge de-assert no-shorthand
ICR2\t 0x00000001 cpu 1 (X2APIC ID)
ESR\t 0x00000000
ISR\t 81(level) 65
IRR\t 49 82(level) 96

APR 0x00 TPR 0x20 DFR 0x0f LDR 0x00 PPR {ppr:#04x}
"""


def xen(base, **registers):
    """As xen-hvmctx prints it; the values are made up."""
    offsets = {"id": 0x20, "version": 0x30, "tpr": 0x80, "ppr": 0xa0, "ldr": 0xd0, "dfr": 0xe0, "svr": 0xf0,
               "isr1": 0x110, "irr1": 0x210, "lvt_timer": 0x320}
    at = {offsets[name]: value for name, value in {"version": 0x50014, "dfr": 0xffffffff, "svr": 0x1ff,
                                                            **registers}.items()}
    rows = "".join(f"          0x{row:03x}: 0x{at.get(row, 0):08x}   0x{row + 16:03x}: 0x{at.get(row + 16, 0):08x}\n"
                   for row in range(0, 0x400, 32))
    return ("HVM save record for domain 3\n"
            "Entry 0: type 1 instance 0, length 24\n     Header: magic 0x54381286, version 1\n"
            "Entry 8: type 5 instance 1, length 16\n"
            f"    LAPIC: base_msr {base:#x}, disabled 0, timer_divisor 0x2\n"
            "Entry 9: type 6 instance 0, length 1024\n    LAPIC registers:\n" + rows +
            "Entry 10: type 6 instance 1, length 1024\n    LAPIC registers:\n" + rows +
            "Entry 11: type 0 instance 0, length 0\n")


def page(**registers):
    offsets = {"id": 0x20, "version": 0x30, "tpr": 0x80, "ppr": 0xa0, "ldr": 0xd0, "dfr": 0xe0, "svr": 0xf0,
               "isr0": 0x100, "isr1": 0x110, "irr1": 0x210, "lvt_lint0": 0x350}
    values = {"version": 0x50014, "dfr": 0xffffffff, "svr": 0x1ff, **registers}
    data = bytearray(1024)
    for name, value in values.items():
        struct.pack_into("<I", data, offsets[name], value)
    return bytes(data)


def hexdump(data):
    """As hexdump -C has it."""
    lines, last = [], None
    for at in range(0, len(data), 16):
        row = data[at:at + 16]
        if row != last:
            lines.append(f"{at:08x}  {row[:8].hex(' ')}  {row[8:].hex(' ')}  |................|")
        elif lines[-1] != "*":
            lines.append("*")
        last = row
    return "\n".join([*lines, f"{len(data):08x}"]) + "\n"


def xxd(data):
    return "".join(f"{at:08x}: {data[at:at + 16].hex(' ', 2)}  ................\n" for at in range(0, len(data), 16))


class State(program.Case):
    def states(self, status, content, *options, name="dump"):
        result = self.expect(status, "state", "--format", "json", *options, self.file(content, name))
        report = result.json()
        jsonschema.Draft202012Validator(SCHEMA).validate(report)
        return report["states"]

    def one(self, status, content, *options):
        states = self.states(status, content, *options)
        self.assertEqual(len(states), 1)
        return states[0]

    def test_qemu_s_info_lapic(self):
        state = self.one(0, QEMU.format(ppr=0x50))
        self.assertEqual((state["vcpu"], state["mode"], state["line"]), ("CPU 2", "x2apic", 2))
        self.assertEqual(state["registers"]["lvt_timer"], "0x400ec")
        self.assertEqual(state["registers"]["initial_count"], "0x3e8")
        self.assertEqual([(v["vector"], v["level"]) for v in state["in_service"]], [(81, True), (65, False)])
        self.assertEqual([v["vector"] for v in state["pending"]], [96, 82, 49])
        waits = [v["waits_for"] for v in state["pending"]]
        self.assertIn("the processor", waits[0])
        self.assertIn("the EOI of vector 51H", waits[1])
        self.assertIn("the EOI of vector 51H", waits[2])

    def test_a_ppr_that_does_not_follow_from_isr_and_tpr(self):
        state = self.one(1, QEMU.format(ppr=0x20))
        self.assertEqual([f["rule"] for f in state["findings"]], ["P03"])
        self.assertIn("ppr is 0x20; allowed: 0x50", state["findings"][0]["text"])

    def test_quoted_in_a_mail_and_of_several_cpus(self):
        mail = "".join(f"> {line}\n" for line in (QEMU.format(ppr=0x50) * 2).splitlines())
        states = self.states(0, mail)
        self.assertEqual(len(states), 2)
        self.assertEqual(states[0]["registers"], states[1]["registers"])

    def test_a_page_as_bytes_and_as_hex(self):
        data = page(id=5, ldr=0x20, tpr=0x30, ppr=0x30, irr1=1 << 4)
        states = [self.one(0, content) for content in (data, hexdump(data), xxd(data), gzip.compress(data))]
        for state in states:
            self.assertEqual(state["registers"], states[0]["registers"])
            self.assertEqual(state["mode"], "x2apic")
            self.assertEqual([v["vector"] for v in state["pending"]], [0x24])
            self.assertIn("a lower TPR", state["pending"][0]["waits_for"])

    def test_xen_s_save_record(self):
        # PPR is not kept there: 0 beside a vector in service is no fault.
        states = self.states(0, xen(0xfee00c00, id=3, ldr=8, isr1=1 << 4, irr1=1 << 5, lvt_timer=0x400ec))
        self.assertEqual([(s["what"], s["vcpu"], s["mode"]) for s in states],
                         [("xen-hvmctx", "vCPU 0", None), ("xen-hvmctx", "vCPU 1", "x2apic")])
        self.assertIn("record LAPIC", states[0]["notes"][0])
        self.assertEqual(states[1]["notes"], [])
        self.assertEqual([v["vector"] for v in states[1]["in_service"]], [0x24])
        self.assertEqual([v["vector"] for v in states[1]["pending"]], [0x25])
        self.assertNotIn("ppr", states[1]["registers"])
        self.assertEqual(states[1]["registers"]["lvt_timer"], "0x400ec")

    def test_what_xen_s_record_shows_is_judged_in_its_mode(self):
        self.assertEqual([f["rule"] for f in self.states(1, xen(0xfee00c00, id=3, ldr=4))[1]["findings"]], ["D04"])
        self.assertEqual(self.states(0, xen(0xfee00800, id=3 << 24, ldr=4 << 24))[1]["mode"], "xapic")
        self.assertEqual(self.states(0, xen(0xfee00000))[1]["mode"], "disabled")

    def test_what_no_state_may_be(self):
        cases = {
            "P03": dict(id=5, ldr=0x20, isr1=1 << 4, ppr=0),
            "D04": dict(id=5, ldr=0x40),
            "X11": dict(id=5, ldr=0x20, svr=0x801ff),
        }
        for rule, registers in cases.items():
            self.assertIn(rule, [f["rule"] for f in self.one(1, page(**registers))["findings"]], rule)
        low = self.one(1, page(id=5, ldr=0x20, isr0=1 << 5, ppr=0))["findings"]
        self.assertIn("low-vectors-are-clear", [f["invariant"] for f in low])

    def test_a_mode_that_is_not_told_is_asked_for(self):
        data = page(id=5 << 24, ldr=0x0400_0000, tpr=0x10, ppr=0x10)
        self.assertIn("--mode", self.one(0, data)["notes"][0])
        self.assertEqual(self.one(0, data, "--mode", "xapic")["notes"], [])
        self.assertEqual(self.one(1, page(id=5 << 24, ppr=0x40))["findings"][0]["rule"], "P03")

    def test_an_unmasked_entry_of_a_disabled_apic_is_told(self):
        state = self.one(0, page(id=5, ldr=0x20, svr=0xff, lvt_lint0=0x700, irr1=1))
        self.assertIn("lvt_lint0 is not masked although SVR[8] is 0", " ".join(state["notes"]))
        self.assertIn("SVR[8] is 0", state["pending"][0]["waits_for"])

    def test_what_is_no_dump(self):
        for content in (b"", b"hello\n", bytes(1024), b"\xff" * 1024, hexdump(page())[:300].encode()):
            result = self.expect(2, "state", "--format", "json", self.file(content))
            self.assertIn("no dump of a local APIC", result.err)
            self.assertEqual(len(result.json()["unread"]), 1)

    def test_the_text_names_fields(self):
        out = self.expect(0, "state", self.file(QEMU.format(ppr=0x50))).out
        for part in ("CPU 2, x2APIC mode", "vector ECH, TSC-deadline", "in service     51H (level), 41H (edge)",
                     "60H waits for the processor"):
            self.assertIn(part, out)


if __name__ == "__main__":
    program.main()
