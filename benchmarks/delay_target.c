/* Answers every HTTP request after a constant delay, and knows how long it really took.
 *
 * delay_target PORT DELAY_US; prints "ready". GET /reset forgets, GET /truth tells "count p50_us p99_us" of the time
 * from a request's arrival in the kernel to the moment its answer was handed to it. One thread, one epoll, a FIFO of what
 * is due: the delay is the same for all. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define QUEUE (1 << 20)
#define BUCKETS 8000000 /* one per microsecond */

static struct { int fd; long arrived_ns; } queue[QUEUE];
static unsigned head, tail;
static unsigned *truth;
static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * 1000000000L + t.tv_nsec;
}

static char data[65536];

/* A request arrives when the kernel has it, not when this program gets to it. */
static ssize_t receive(int fd, long *arrived_ns) {
  char control[64];
  struct iovec part = {data, sizeof data};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t got = recvmsg(fd, &message, 0);
  *arrived_ns = now_ns();
  struct cmsghdr *c = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
  if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
    struct timespec *t = (struct timespec *)CMSG_DATA(c);
    *arrived_ns = t->tv_sec * 1000000000L + t->tv_nsec;
  }
  return got;
}

static void tell(int fd) {
  unsigned long count = 0, seen = 0, p50 = 0, p99 = 0;
  for (unsigned i = 0; i < BUCKETS; i++) count += truth[i];
  for (unsigned i = 0; i < BUCKETS; i++) {
    seen += truth[i];
    if (!p50 && seen * 2 >= count) p50 = i;
    if (!p99 && seen * 100 >= count * 99) { p99 = i; break; }
  }
  char body[64], head_[256];
  int n = snprintf(body, sizeof body, "%lu %lu %lu", count, p50, p99);
  int m = snprintf(head_, sizeof head_, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", n, body);
  if (send(fd, head_, m, 0) < 0) perror("send");
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  long delay_ns = atol(argv[2]) * 1000L;
  truth = calloc(BUCKETS, sizeof *truth);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 16384)) { perror("listen"); return 1; }
  int poll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct epoll_event e = {.events = EPOLLIN, .data.fd = listener};
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &e);
  e.data.fd = timer;
  epoll_ctl(poll, EPOLL_CTL_ADD, timer, &e);
  puts("ready");
  fflush(stdout);
  static struct epoll_event events[1024];
  for (;;) {
    int n = epoll_wait(poll, events, 1024, -1);
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        int peer;
        while ((peer = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
          setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
          setsockopt(peer, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
          e.data.fd = peer;
          epoll_ctl(poll, EPOLL_CTL_ADD, peer, &e);
        }
      } else if (fd == timer) {
        long rings;
        if (read(timer, &rings, sizeof rings) < 0 && errno != EAGAIN) return 1;
      } else {
        long arrived_ns;
        ssize_t got = receive(fd, &arrived_ns);
        if (got <= 0) {
          if (got == 0 || errno != EAGAIN) close(fd);
        } else if (!strncmp(data, "GET /truth", 10)) {
          tell(fd);
          close(fd);
        } else if (!strncmp(data, "GET /reset", 10)) {
          memset(truth, 0, BUCKETS * sizeof *truth);
          tell(fd);
          close(fd);
        } else {
          queue[tail % QUEUE].fd = fd;
          queue[tail++ % QUEUE].arrived_ns = arrived_ns;
        }
      }
    }
    long now = now_ns();
    while (head != tail && queue[head % QUEUE].arrived_ns + delay_ns <= now) {
      send(queue[head % QUEUE].fd, answer, sizeof answer - 1, MSG_NOSIGNAL);
      now = now_ns();
      long took_us = (now - queue[head++ % QUEUE].arrived_ns) / 1000;
      truth[took_us < BUCKETS ? took_us : BUCKETS - 1]++;
    }
    if (head != tail) {
      long ahead = queue[head % QUEUE].arrived_ns + delay_ns - now_ns();
      struct itimerspec when = {.it_value = {.tv_sec = ahead > 0 ? ahead / 1000000000L : 0, .tv_nsec = ahead > 0 ? ahead % 1000000000L + 1 : 1}};
      timerfd_settime(timer, 0, &when, 0);
    }
  }
}
