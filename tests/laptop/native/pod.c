/* What makes a program that is no Python feel that it is alone in a pod: sitecustomize.py does the same for Python.
 * Processes of pods load it (LD_PRELOAD). LAPTOP_POD_IP: the pod's address; LAPTOP_HOSTS: a file whose lines are an
 * address and a name; LAPTOP_SEARCH: what may be left out at the end of a name. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef int address_call(int, const struct sockaddr *, socklen_t);
typedef int resolve_call(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* The pod's address in network order; 0: this is no pod. */
static in_addr_t own(void) {
  const char *text = getenv("LAPTOP_POD_IP");
  in_addr_t address = text ? inet_addr(text) : INADDR_NONE;
  return address == INADDR_NONE ? 0 : address;
}

static int is_here(in_addr_t address) {
  return address == htonl(INADDR_ANY) || address == htonl(INADDR_LOOPBACK);
}

int bind(int fd, const struct sockaddr *address, socklen_t length) {
  address_call *next = (address_call *)dlsym(RTLD_NEXT, "bind");
  if (!own() || length < sizeof(sa_family_t)) return next(fd, address, length);
  if (address->sa_family == AF_INET6) { /* a pod has no such address */
    errno = EADDRNOTAVAIL;
    return -1;
  }
  if (address->sa_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
    struct sockaddr_in at = *(const struct sockaddr_in *)address;
    if (is_here(at.sin_addr.s_addr)) at.sin_addr.s_addr = own();
    return next(fd, (struct sockaddr *)&at, sizeof at);
  }
  return next(fd, address, length);
}

int connect(int fd, const struct sockaddr *address, socklen_t length) {
  address_call *next = (address_call *)dlsym(RTLD_NEXT, "connect");
  if (!own() || length < sizeof(struct sockaddr_in) || address->sa_family != AF_INET)
    return next(fd, address, length);
  struct sockaddr_in to = *(const struct sockaddr_in *)address, from = {0};
  socklen_t size = sizeof from;
  if (is_here(to.sin_addr.s_addr)) to.sin_addr.s_addr = own();
  /* The other side sees the pod's address; only a socket that has none yet gets it. */
  if (ntohl(to.sin_addr.s_addr) >> 24 == 127 && getsockname(fd, (struct sockaddr *)&from, &size) == 0 &&
      from.sin_family == AF_INET && from.sin_addr.s_addr == 0 && from.sin_port == 0) {
    from.sin_addr.s_addr = own();
    bind(fd, (struct sockaddr *)&from, sizeof from);
  }
  return next(fd, (struct sockaddr *)&to, sizeof to);
}

/* Whether `known` is `name`, or begins with it and goes on with one of the words that may be left out. */
static int is_name(const char *known, const char *name) {
  size_t length = strlen(name);
  if (length > 0 && name[length - 1] == '.') length--;
  if (strncmp(known, name, length) != 0) return 0;
  if (known[length] == 0) return 1;
  const char *search = getenv("LAPTOP_SEARCH");
  char words[1024], *left = NULL;
  if (known[length] != '.' || !search) return 0;
  snprintf(words, sizeof words, "%s", search);
  for (char *word = strtok_r(words, " ", &left); word; word = strtok_r(NULL, " ", &left))
    if (strcmp(known + length + 1, word) == 0) return 1;
  return 0;
}

/* Puts a Service's or pod's address into `out`; whether there is one. */
static int find(const char *name, char *out) {
  const char *hosts = getenv("LAPTOP_HOSTS");
  FILE *file = hosts ? fopen(hosts, "re") : NULL;
  char address[64], known[512];
  int found = 0;
  while (file && !found && fscanf(file, "%63s %511s", address, known) == 2)
    if (is_name(known, name)) found = snprintf(out, 64, "%s", address) > 0;
  if (file) fclose(file);
  return found;
}

static int ends_with(const char *name, const char *end) {
  size_t length = strlen(name), tail = strlen(end);
  return length >= tail && strcmp(name + length - tail, end) == 0;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out) {
  resolve_call *next = (resolve_call *)dlsym(RTLD_NEXT, "getaddrinfo");
  struct in_addr four;
  char address[64];
  if (!own() || !name || inet_pton(AF_INET, name, &four) == 1) return next(name, service, hints, out);
  if (strcmp(name, "localhost") == 0) return next(getenv("LAPTOP_POD_IP"), service, hints, out);
  if (find(name, address)) return next(address, service, hints, out);
  /* The cluster's own domain: no other server knows such names, and asking may take long. */
  if (ends_with(name, ".svc") || ends_with(name, ".cluster.local")) return EAI_NONAME;
  return next(name, service, hints, out);
}
