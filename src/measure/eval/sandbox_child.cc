#include "measure/eval/sandbox_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <iterator>

namespace plumb::eval {

const unsigned long kSandboxNamespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "no system call filter for this architecture"
#endif

// From sys/mount.h, which does not go together with linux/mount.h.
constexpr unsigned long kMsReadOnly = 1, kMsNoSuid = 2, kMsNoDev = 4, kMsNoExec = 8, kMsRemount = 32, kMsBind = 4096, kMsRec = 16384, kMsPrivate = 1 << 18;
constexpr unsigned long kDetach = 2;

enum Step { kDeath, kMaps, kPrivate, kRoot, kShow, kReadOnly, kTmp, kPivot, kLimits, kStreams, kFilter, kExec };
constexpr const char* kStepNames[] = {"dying with its parent", "mapping its user (are unprivileged user namespaces allowed?)", "a mount namespace of its own",
                                      "a root in memory", "showing the interpreter", "making it read-only (Linux 5.12 is needed)", "a /tmp in memory", "changing the root",
                                      "limits", "its streams", "the system call filter", "starting the interpreter"};

// System calls that a program which only computes does not need, and which reach beyond it.
constexpr uint32_t kForbidden[] = {
#if defined(__x86_64__)
    SYS_fork, SYS_vfork,
#endif
    SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns,
    SYS_move_mount, SYS_open_tree, SYS_fsopen, SYS_fsmount, SYS_fsconfig, SYS_fspick, SYS_mount_setattr, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup,
    SYS_io_uring_enter, SYS_io_uring_register, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_reboot, SYS_swapon,
    SYS_swapoff, SYS_settimeofday, SYS_clock_settime, SYS_acct, SYS_quotactl, SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_pidfd_getfd, SYS_kcmp, SYS_personality,
};
constexpr int kForbiddenCount = static_cast<int>(std::size(kForbidden));

struct Filter {
  sock_filter code[2 * kForbiddenCount + 20];
  unsigned short size = 0;
};

constexpr sock_filter Load(uint32_t offset) { return {BPF_LD | BPF_W | BPF_ABS, 0, 0, offset}; }
constexpr sock_filter Return(uint32_t value) { return {BPF_RET | BPF_K, 0, 0, value}; }
constexpr sock_filter Equal(uint32_t value, unsigned char then, unsigned char otherwise) { return {BPF_JMP | BPF_JEQ | BPF_K, then, otherwise, value}; }
constexpr sock_filter AnyBit(uint32_t bits, unsigned char then, unsigned char otherwise) { return {BPF_JMP | BPF_JSET | BPF_K, then, otherwise, bits}; }
constexpr sock_filter AtLeast(uint32_t value, unsigned char then, unsigned char otherwise) { return {BPF_JMP | BPF_JGE | BPF_K, then, otherwise, value}; }

constexpr Filter MakeFilter() {
  Filter out{};
  const auto add = [&out](sock_filter one) { out.code[out.size++] = one; };
  add(Load(offsetof(seccomp_data, arch)));
  add(Equal(kArchitecture, 1, 0));
  add(Return(SECCOMP_RET_KILL_PROCESS));
  add(Load(offsetof(seccomp_data, nr)));
  add(AtLeast(0x40000000, 0, 1));  // another calling convention of the same machine (x32)
  add(Return(SECCOMP_RET_KILL_PROCESS));
  // Threads may be made, processes may not. clone3's arguments cannot be seen from here; without it libc falls back to clone.
  add(Equal(SYS_clone3, 0, 1));
  add(Return(SECCOMP_RET_ERRNO | ENOSYS));
  add(Equal(SYS_clone, 0, 4));
  add(Load(offsetof(seccomp_data, args[0])));  // little-endian: the low half of the flags
  add(AnyBit(CLONE_THREAD, 1, 0));
  add(Return(SECCOMP_RET_ERRNO | EPERM));
  add(Return(SECCOMP_RET_ALLOW));
  for (uint32_t forbidden : kForbidden) {
    add(Equal(forbidden, 0, 1));
    add(Return(SECCOMP_RET_ERRNO | EPERM));
  }
  add(Return(SECCOMP_RET_ALLOW));
  return out;
}

// The kernel alone: libc's wrappers may take locks that another thread held when this process was made.
template <class... Args>
long Kernel(long number, Args... arguments) {
  return ::syscall(number, arguments...);
}

class Entering {
 public:
  explicit Entering(int report) : report_(report) {}
  void Must(Step step, long result) const {
    if (result >= 0) return;
    const int said[2] = {step, errno};
    Kernel(SYS_write, report_, said, sizeof said);
    Kernel(SYS_exit_group, 127);
  }

 private:
  int report_;
};

size_t TextLength(const char* text) {
  size_t n = 0;
  while (text[n]) ++n;
  return n;
}

void WriteTo(const Entering& entering, const char* file, const char* text) {
  const long fd = Kernel(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CLOEXEC, 0);
  entering.Must(kMaps, fd);
  entering.Must(kMaps, Kernel(SYS_write, fd, text, TextLength(text)));
  Kernel(SYS_close, fd);
}

void Limit(const Entering& entering, int resource, uint64_t soft, uint64_t hard) {
  const rlimit64 limit{soft, hard};
  entering.Must(kLimits, Kernel(SYS_prlimit64, 0, resource, &limit, nullptr));
}

// "/proc/self/fd/7": what is open there, by a name that a mount takes.
struct FdName {
  char text[32];
  explicit FdName(long fd) {
    constexpr char kBefore[] = "/proc/self/fd/";
    size_t n = 0;
    while (kBefore[n]) text[n] = kBefore[n], ++n;
    char digits[20];
    int count = 0;
    do digits[count++] = static_cast<char>('0' + fd % 10);
    while (fd /= 10);
    while (count > 0) text[n++] = digits[--count];
    text[n] = 0;
  }
};

// A root in memory, over /tmp, which this process sees and nobody else.
void MakeRoot(const Entering& entering, const SandboxPlan& plan) {
  entering.Must(kPrivate, Kernel(SYS_mount, "none", "/", nullptr, kMsRec | kMsPrivate, nullptr));
  // Opened in this mount namespace, and before /tmp, in which they may lie, is covered.
  long sources[SandboxPlan::kMostShown];
  for (int i = 0; i < plan.shown_count; ++i) {
    sources[i] = plan.shown[i].link ? -1 : Kernel(SYS_openat, AT_FDCWD, plan.shown[i].path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (!plan.shown[i].link) entering.Must(kShow, sources[i]);
  }
  entering.Must(kRoot, Kernel(SYS_mount, "tmpfs", "/tmp", "tmpfs", kMsNoSuid | kMsNoDev, "size=1m,mode=755"));
  entering.Must(kRoot, Kernel(SYS_chdir, "/tmp"));
  for (int i = 0; i < plan.shown_count; ++i) {
    const ShownPath& one = plan.shown[i];
    // The folders on the way, each by its own name: "/a/b/c" is made as a, a/b, a/b/c.
    char path[4096];
    size_t n = 0;
    for (const char* c = one.path + 1; *c && n + 1 < sizeof path; ++c) {
      if (*c == '/') {
        path[n] = 0;
        if (Kernel(SYS_mkdirat, AT_FDCWD, path, 0755) < 0 && errno != EEXIST) entering.Must(kRoot, -1);
      }
      path[n++] = *c;
    }
    path[n] = 0;
    if (one.link) {
      entering.Must(kRoot, Kernel(SYS_symlinkat, one.link, AT_FDCWD, path));
      continue;
    }
    if (Kernel(SYS_mkdirat, AT_FDCWD, path, 0755) < 0 && errno != EEXIST) entering.Must(kRoot, -1);
    entering.Must(kShow, Kernel(SYS_mount, FdName(sources[i]).text, path, nullptr, kMsBind | kMsRec, nullptr));
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    entering.Must(kReadOnly, Kernel(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attributes, sizeof attributes));
  }
  entering.Must(kTmp, Kernel(SYS_mkdirat, AT_FDCWD, "tmp", 0777));
  entering.Must(kTmp, Kernel(SYS_mount, "tmpfs", "tmp", "tmpfs", kMsNoSuid | kMsNoDev | kMsNoExec, plan.tmp_options));
  entering.Must(kPivot, Kernel(SYS_pivot_root, ".", "."));
  entering.Must(kPivot, Kernel(SYS_umount2, ".", kDetach));
  entering.Must(kPivot, Kernel(SYS_mount, nullptr, "/", nullptr, kMsRemount | kMsBind | kMsReadOnly | kMsNoSuid | kMsNoDev, nullptr));
  entering.Must(kPivot, Kernel(SYS_chdir, "/tmp"));
}

}  // namespace

const char* SandboxStepName(int step) { return step >= 0 && step < static_cast<int>(std::size(kStepNames)) ? kStepNames[step] : "?"; }

void EnterSandbox(const SandboxPlan& plan) {
  static constexpr Filter kFilterCode = MakeFilter();
  const Entering entering(plan.report);
  entering.Must(kDeath, Kernel(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  WriteTo(entering, "/proc/self/setgroups", "deny");
  WriteTo(entering, "/proc/self/uid_map", plan.id_map);
  WriteTo(entering, "/proc/self/gid_map", plan.gid_map);
  MakeRoot(entering, plan);
  Kernel(SYS_setsid);
  // The streams first to numbers that are none of the targets, then down.
  const int streams[] = {plan.input, plan.output, plan.error};
  for (int i = 0; i < 3; ++i) entering.Must(kStreams, Kernel(SYS_dup3, streams[i], 100 + i, 0));
  for (int i = 0; i < 3; ++i) entering.Must(kStreams, Kernel(SYS_dup3, 100 + i, i, 0));
  entering.Must(kStreams, Kernel(SYS_dup3, plan.report, 3, O_CLOEXEC));
  const Entering from_here(3);
  from_here.Must(kStreams, Kernel(SYS_close_range, 4u, ~0u, 0u));
  const auto cpu = static_cast<uint64_t>(plan.cpu_seconds), file = static_cast<uint64_t>(plan.file_bytes);
  Limit(from_here, RLIMIT_CPU, cpu, cpu);
  Limit(from_here, RLIMIT_AS, static_cast<uint64_t>(plan.memory_bytes), static_cast<uint64_t>(plan.memory_bytes));
  Limit(from_here, RLIMIT_FSIZE, file, file);
  Limit(from_here, RLIMIT_NOFILE, 64, 64);
  Limit(from_here, RLIMIT_CORE, 0, 0);
  from_here.Must(kFilter, Kernel(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  const sock_fprog program{kFilterCode.size, const_cast<sock_filter*>(kFilterCode.code)};
  from_here.Must(kFilter, Kernel(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
  from_here.Must(kExec, Kernel(SYS_execve, plan.arguments[0], plan.arguments, plan.environment));
  __builtin_unreachable();
}

}  // namespace plumb::eval
