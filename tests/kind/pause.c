// pause: holds a pod's namespaces, reaps the processes left to it, and ends when it is told to.
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>

int main(void) {
  sigset_t wanted;
  int got;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGCHLD);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGTERM);
  sigprocmask(SIG_BLOCK, &wanted, NULL); // blocked signals are kept even for process 1
  while (sigwait(&wanted, &got) == 0 && got == SIGCHLD)
    while (waitpid(-1, NULL, WNOHANG) > 0)
      ;
  return 0;
}
