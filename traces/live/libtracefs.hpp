// What is used of libtracefs. Its own header is C alone: up to 1.8 it neither says extern "C" nor compiles as
// C++ (an int given for an enumeration).
//
// Source: tracefs(3) and the functions' own pages, libtracefs 1.3 and later.
#pragma once

struct tracefs_instance;

extern "C" {
const char* tracefs_tracing_dir(void); // mounts it if need be; null: cannot
char** tracefs_instances(const char* regex);
char** tracefs_system_events(const char* tracing_dir, const char* system);
void tracefs_list_free(char** list);
void tracefs_set_loglevel(int level); // an enum tep_loglevel

struct tracefs_instance* tracefs_instance_create(const char* name);
struct tracefs_instance* tracefs_instance_alloc(const char* tracing_dir,
                                                const char* name); // of one that is there
int tracefs_instance_destroy(struct tracefs_instance* instance);
void tracefs_instance_free(struct tracefs_instance* instance);
int tracefs_instance_file_write(struct tracefs_instance* instance, const char* file, const char* text);
char* tracefs_instance_file_read(struct tracefs_instance* instance, const char* file,
                                 int* size); // for free(3)
int tracefs_instance_file_open(struct tracefs_instance* instance, const char* file, int mode);
int tracefs_event_enable(struct tracefs_instance* instance, const char* system, const char* event);
int tracefs_trace_on(struct tracefs_instance* instance);
int tracefs_trace_off(struct tracefs_instance* instance);
}
