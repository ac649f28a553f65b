"""The job array of examples/slurm on a cluster of one node, which this test starts and ends."""

import os
import shutil
import signal
import socket
import subprocess
import time

import program

TOOLS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue")
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
SCRIPT = program.SOURCE / "examples/slurm/check.sbatch"
PARTS = 3
STARTS_WITHIN_SECONDS = 60

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ReturnToService=2
SchedulerParameters=sched_interval=1
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def why_not():
    missing = [tool for tool in TOOLS if shutil.which(tool, path=PATH) is None]
    if missing:
        return f"{', '.join(missing)} missing (Debian: munge, slurmctld, slurmd, slurm-client)"
    return "" if os.geteuid() == 0 else "slurmd runs as root"


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@program.unittest.skipIf(why_not(), why_not())
class Slurm(program.Case):
    def setUp(self):
        super().setUp()
        self.folder.chmod(0o755)  # munged wants nobody else to write there
        self.daemons = {}
        self.addCleanup(self.end_all)
        configuration = self.folder / "slurm.conf"
        host = socket.gethostname().split(".")[0]
        configuration.write_text(CONFIGURATION.format(host=host, folder=self.folder, ports=free_ports(2),
                                                      cpus=os.cpu_count()))
        (self.folder / "cgroup.conf").write_text(
            "CgroupPlugin=cgroup/v1\n" if os.path.isdir("/sys/fs/cgroup/memory")
            else "CgroupPlugin=cgroup/v2\nIgnoreSystemd=yes\n")
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        self.environment = {**os.environ, "PATH": PATH, "SLURM_CONF": str(configuration), "LAPICHECK": program.PATH}
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        at = {name: self.folder / f"munge.{name}" for name in ("socket", "pid", "log", "seed")}
        self.start("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={at['socket']}",
                   f"--pid-file={at['pid']}", f"--log-file={at['log']}", f"--seed-file={at['seed']}")
        self.until(at["socket"].exists, "munged")
        self.start("slurmctld", "-D", "-c")
        self.start("slurmd", "-D", "-N", host)
        self.until(lambda: "idle" in self.tool("sinfo", "-h", "-o", "%T").out, "the node")

    def start(self, *command):
        log = open(self.folder / f"{command[0]}.out", "ab")
        self.addCleanup(log.close)
        self.daemons[command[0]] = subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL,
                                                    stdout=log, stderr=log)

    def end_all(self):
        for daemon in reversed(self.daemons.values()):
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(timeout=10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def tool(self, *command):
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False,
                              cwd=self.folder)
        return program.Run(done.returncode, done.stdout, done.stderr, 0)

    def until(self, is_so, what):
        """A cluster that does not come up here, for whatever reason, is none of ours."""
        end = time.monotonic() + STARTS_WITHIN_SECONDS
        while time.monotonic() < end:
            if is_so():
                return
            ended = [name for name, daemon in self.daemons.items() if daemon.poll() is not None]
            if ended:
                log = (self.folder / f"{ended[0]}.out").read_text(errors="replace")[-500:]
                self.skipTest(f"{ended[0]} does not run here: {log}")
            time.sleep(0.2)
        self.skipTest(f"{what} did not come up in {STARTS_WITHIN_SECONDS} s")

    def submit(self, recordings, reports):
        result = self.tool("sbatch", f"--array=1-{PARTS}", "--mem=0", "--cpus-per-task=1", "--parsable", str(SCRIPT),
                           str(recordings), str(reports))
        self.assertEqual(result.status, 0, result.err)
        return result.out.strip()

    def wait_for(self, parts):
        end = time.monotonic() + program.HANGS_AFTER_SECONDS
        while not all(part.exists() for part in parts):
            logs = "".join(log.read_text() for log in self.folder.glob("lapicheck-*.log"))
            self.assertLess(time.monotonic(), end, logs + self.tool("squeue").out)
            time.sleep(0.2)

    def test_the_merged_report_is_that_of_one_run(self):
        recordings, reports = self.folder / "recordings", self.folder / "reports"
        recordings.mkdir()
        for path in program.recordings()[:8]:
            shutil.copy(path, recordings)
        (recordings / "damaged.txt").write_text("no trace\n")
        job = self.submit(recordings, reports)
        parts = [reports / f"part-{number}.jsonl" for number in range(1, PARTS + 1)]
        self.wait_for(parts)
        whole = self.expect(2, "check", "--format", "json", "-r", recordings)
        self.assertEqual(self.expect(2, "merge", *parts).out, whole.out)

        # A task that runs again, as one does whose node was killed, writes the same.
        before = parts[1].read_bytes()
        parts[1].unlink()
        self.until(lambda: job not in self.tool("squeue", "-h", "-o", "%A").out, "the end of the job")
        again = self.tool("sbatch", "--array=2", "--mem=0", "--parsable", f"--export=ALL,PARTS={PARTS}", str(SCRIPT),
                          str(recordings), str(reports))
        self.assertEqual(again.status, 0, again.err)
        self.wait_for([parts[1]])
        self.assertEqual(parts[1].read_bytes(), before)


if __name__ == "__main__":
    program.main()
