// Where the image's parts lie; read by the assembler, too.
#ifndef LAPICHECK_IMAGE_LAYOUT_H
#define LAPICHECK_IMAGE_LAYOUT_H

#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_CODE32 0x18

// Of each CPU its struct cpu and, above it, its stack: aligned, so that whoever has the stack has the struct.
#define CPU_AREAS 0x300000
#define CPU_AREA_SHIFT 14
#define CPU_AREA_BYTES (1 << CPU_AREA_SHIFT)
#define CPU_AREAS_END (CPU_AREAS + 64 * CPU_AREA_BYTES)

// A CPU that a SIPI starts begins at the page that the SIPI's vector names. Each page below the video memory has a
// stub that leads to the trampoline.
#define STUB_PAGES 0xa0
#define TRAMPOLINE_PAGE 0x08
#define TRAMPOLINE_OFFSET 0x20
#define SMM_PAGE 0x38 // SMBASE after RESET + 8000H: an SMI is handled there

#endif
