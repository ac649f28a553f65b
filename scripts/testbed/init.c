// The first process of the test bed: loads KVM, runs what /commands lists, and sends what came of it over the second
// serial port, as "FILE NAME BYTES" lines with the bytes behind them.
//
// A line of /commands: SECONDS OUTPUT WORD... ; OUTPUT gets the command's standard output and error. After those, lines
// "send NAME" send a file of the root.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int port = -1;

static void say(const char* what, const char* name, int error) {
    printf("testbed: %s %s%s%s\n", what, name, error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
    fflush(stdout);
}

static void mount_at(const char* type, const char* where) {
    mkdir(where, 0755);
    if (mount(type, where, type, 0, NULL) != 0) say("mount", where, errno);
}

static void load(const char* module) {
    const int file = open(module, O_RDONLY | O_CLOEXEC);
    if (syscall(SYS_finit_module, file, "", 0) != 0) say("load", module, errno);
    close(file);
}

static void write_all(const char* bytes, size_t size) {
    while (size > 0) {
        const ssize_t written = write(port, bytes, size);
        if (written <= 0) return;
        bytes += written;
        size -= (size_t)written;
    }
}

static void send_file(const char* name) {
    static char bytes[1 << 16];
    struct stat about;
    const int file = open(name, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &about) != 0) return say("send", name, errno);
    char head[256];
    snprintf(head, sizeof head, "FILE %s %lld\n", name, (long long)about.st_size);
    write_all(head, strlen(head));
    for (ssize_t got; (got = read(file, bytes, sizeof bytes)) > 0;) write_all(bytes, (size_t)got);
    close(file);
    tcdrain(port);
}

// Its exit status becomes the file OUTPUT.status.
static void run(unsigned seconds, const char* output, char* const words[]) {
    say("run", output, 0);
    const pid_t child = fork();
    if (child == 0) {
        const int file = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        dup2(file, 1);
        dup2(file, 2);
        alarm(seconds); // kept by what is executed; it ends it
        execv(words[0], words);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    char name[256];
    snprintf(name, sizeof name, "%s.status", output);
    FILE* file = fopen(name, "w");
    if (file == NULL) return;
    fprintf(file, "%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    fclose(file);
    send_file(output);
    send_file(name);
}

static void carry_out(char* line) {
    enum { most_words = 64 };
    char* words[most_words + 1] = {NULL};
    int count = 0;
    for (char* word = strtok(line, " \n"); word != NULL && count < most_words; word = strtok(NULL, " \n"))
        words[count++] = word;
    if (count == 2 && strcmp(words[0], "send") == 0) send_file(words[1]);
    else if (count > 2) run((unsigned)atoi(words[0]), words[1], words + 2);
}

int main(void) {
    mount_at("devtmpfs", "/dev");
    mount_at("proc", "/proc");
    mount_at("sysfs", "/sys");
    mount_at("tracefs", "/sys/kernel/tracing");
    port = open("/dev/ttyS1", O_WRONLY | O_NOCTTY);
    struct termios raw;
    if (tcgetattr(port, &raw) == 0) {
        cfmakeraw(&raw);
        cfsetspeed(&raw, B115200);
        tcsetattr(port, TCSANOW, &raw);
    }
    static char line[4096];
    FILE* modules = fopen("/modules.list", "r");
    while (modules != NULL && fgets(line, sizeof line, modules) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        load(line);
    }
    FILE* commands = fopen("/commands", "r");
    while (commands != NULL && fgets(line, sizeof line, commands) != NULL) carry_out(line);
    write_all("END\n", 4);
    tcdrain(port);
    say("end", "", 0);
    sync();
    reboot(RB_POWER_OFF);
    return 0;
}
