// The image in the forms in which machines take it. Each is the payload (guest/start.S) with something around
// it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lapicheck::programs::image {

enum class Bits : std::uint8_t { b64, b32 };

// In the firmware's place: the blob, the payload and the reset vector in the last 64 KiB. What a program
// finds is the state after RESET.
std::string rom_package(std::string_view blob, Bits bits = Bits::b64);
// For GRUB and QEMU's -kernel (Multiboot 0.6.96). Without a blob, that comes as the first module.
std::string multiboot_package(std::string_view blob, Bits bits = Bits::b64);
// ELF64 with the PVH entry (Xen's, of QEMU, Cloud Hypervisor, Firecracker). Without a blob, that comes as the
// first module.
std::string pvh_package(std::string_view blob);

} // namespace lapicheck::programs::image
