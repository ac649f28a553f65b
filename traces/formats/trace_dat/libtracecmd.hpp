// What is used of libtracecmd. Its own header draws in that of libtracefs, which does not compile as C++.
//
// Source: libtracecmd(3) and the functions' own pages, trace-cmd 3.1.
#pragma once

#include <event-parse.h>

struct tracecmd_input;

extern "C" {
struct tracecmd_input* tracecmd_open_fd(int fd, int flags); // takes the descriptor over
void tracecmd_close(struct tracecmd_input* handle);
struct tep_record* tracecmd_read_cpu_first(struct tracecmd_input* handle, int cpu);
struct tep_record* tracecmd_read_data(struct tracecmd_input* handle, int cpu);
void tracecmd_free_record(struct tep_record* record);
struct tep_handle* tracecmd_get_tep(struct tracecmd_input* handle);
int tracecmd_buffer_instances(struct tracecmd_input* handle);
struct tracecmd_input* tracecmd_buffer_instance_handle(struct tracecmd_input* handle, int index);
void tracecmd_set_loglevel(enum tep_loglevel level);

// In the library, but not in its header; of a library that has them no longer, what they tell is not known.
__attribute__((weak)) const char* tracecmd_get_uname(struct tracecmd_input* handle);
__attribute__((weak)) const char* tracecmd_get_trace_clock(struct tracecmd_input* handle);
__attribute__((weak)) bool tracecmd_get_use_trace_clock(struct tracecmd_input* handle);
__attribute__((weak)) int tracecmd_cpus(struct tracecmd_input* handle);
}

namespace lapicheck::traces::trace_dat {
inline constexpr int load_no_plugins = 1; // TRACECMD_FL_LOAD_NO_PLUGINS
} // namespace lapicheck::traces::trace_dat
