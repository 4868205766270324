/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rundir.c - the runtime directory: where it is, whose it is, and the names of sockets in it, my listener's too
 *
 * A name is removed by its owner, by the caretaker after proof of its owner's death, or by a new primary after a connect
 * attempt has shown that nobody listens.
 */
#include "proc/priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define SOCK_NAME_MAX 40 /* the longest name that we or the channel bind here */

#define RUN "/var/run"
#define TMP "/tmp"
#define OWN_MAX 32

/* 0: there it can be written; what is in the way */
static int closed(const char *dir)
{
	return faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) == 0 ? 0 : -errno;
}

/* root of a user namespace, to whom the machine's root has shut his directory: everywhere outside he is an ordinary user */
static bool is_namespaced_root(void)
{
	int err = closed(RUN "/dpdk");

	return err == -EACCES || (err == -ENOENT && closed(RUN) == -EACCES);
}

/* NULL: nothing says where, and this is an ordinary user's process */
static const char *parent(void)
{
	const char *d = getenv("RUNTIME_DIRECTORY");

	if (d != NULL && d[0] != '\0')
		return d;
	if (geteuid() == 0 && !is_namespaced_root())
		return RUN;
	d = getenv("XDG_RUNTIME_DIR");
	return d != NULL && d[0] != '\0' ? d : NULL;
}

static int make_dir(const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0)
		return chmod(path, mode) == 0 ? 0 : -errno; /* whatever the umask is */
	if (errno == EEXIST)
		return 0;
	return -errno;
}

static int say_mkdir(const char *top, const char *path, int err)
{
	if (err == -EROFS)
		sh_err("cannot make the runtime directory %s: its file system is read-only; point RUNTIME_DIRECTORY to "
		       "a "
		       "writable one",
		       path);
	else if (err == -ENOSPC || err == -EDQUOT)
		sh_err("cannot make the runtime directory %s: no space left there; free some or point "
		       "RUNTIME_DIRECTORY "
		       "elsewhere",
		       path);
	else if (err == -ENOENT && access(top, F_OK) != 0)
		sh_err("cannot make the runtime directory %s: there is no directory %s; make it, or point "
		       "RUNTIME_DIRECTORY to one that exists and that you may write",
		       path, top);
	else
		sh_err("cannot make the runtime directory %s: %s; point RUNTIME_DIRECTORY to a directory that you may "
		       "write",
		       path, strerror(-err));
	return err;
}

/* is it a directory of mine that nobody else may write? */
static bool mine(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

/*
 * /tmp/dpdk is the first user's who came, and shut to all others: where DPDK gives up each of those has a directory of his own. It is
 * used as long as the other is shut, and also after that one is gone: somebody of mine may be in it.
 */
static int tmp_or_own(const struct sh_proc *p, char own[OWN_MAX], const char **top)
{
	int err = closed(TMP "/dpdk");

	*top = TMP;
	snprintf(own, OWN_MAX, TMP "/shoal-%u", (unsigned)geteuid());
	if (p->o.n_allow_uid > 0 || (err != -EACCES && (err != -ENOENT || !mine(own))))
		return 0;
	*top = own;
	err = p->o.role == SH_ROLE_SECONDARY || mkdir(own, 0700) == 0 || errno == EEXIST ? 0 : -errno;
	if (err != 0)
		return say_mkdir(TMP, own, err);
	if (access(own, F_OK) == 0 && !mine(own)) {
		sh_err("%s/dpdk is another user's, and %s is not this user's alone: remove it, or point "
		       "RUNTIME_DIRECTORY to a directory that you may write",
		       TMP, own);
		return -EACCES;
	}
	return 0;
}

int sh_rundir_open(struct sh_proc *p)
{
	const char *top = parent();
	char own[OWN_MAX];
	/* several users: each makes names of its own, nobody touches those of another */
	mode_t mode = p->o.n_allow_uid > 0 ? 01777 : 0700;
	const char *pre = p->o.prefix;
	int n, err;

	if (pre[0] == '\0' || strchr(pre, '/') != NULL || strcmp(pre, ".") == 0 || strcmp(pre, "..") == 0) {
		sh_err("--file-prefix '%s' is not a file name: give one without '/'", pre);
		return -EINVAL;
	}
	if (top == NULL && (err = tmp_or_own(p, own, &top)) != 0)
		return err;
	n = snprintf(p->dir, sizeof(p->dir), "%s/dpdk/%s", top, pre);
	if (n < 0 || (size_t)n + 1 + SOCK_NAME_MAX >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		sh_err("the runtime directory %s/dpdk/%s is too long for a socket's name (%d bytes, %zu at most): "
		       "shorten "
		       "RUNTIME_DIRECTORY or --file-prefix",
		       top, pre, n, sizeof(((struct sockaddr_un *)0)->sun_path) - SOCK_NAME_MAX - 2);
		p->dir[0] = '\0';
		return -ENAMETOOLONG;
	}
	if (p->o.role == SH_ROLE_SECONDARY) {
		struct stat st;

		if (lstat(p->dir, &st) != 0 && errno == ENOENT)
			return sh_no_primary(p);
		return sh_rundir_owner(p);
	}
	p->dir[n - (int)strlen(pre) - 1] = '\0';
	err = make_dir(p->dir, mode);
	if (err != 0)
		return say_mkdir(top, p->dir, err);
	p->dir[n - (int)strlen(pre) - 1] = '/';
	err = make_dir(p->dir, mode);
	if (err != 0)
		return say_mkdir(top, p->dir, err);
	return sh_rundir_owner(p);
}

int sh_rundir_owner(const struct sh_proc *p)
{
	struct stat st;

	if (lstat(p->dir, &st) != 0) {
		int err = -errno;

		sh_err("cannot look at the runtime directory %s: %s; point RUNTIME_DIRECTORY to a directory that you "
		       "may enter",
		       p->dir, strerror(-err));
		return err;
	}
	if (!S_ISDIR(st.st_mode)) {
		sh_err("%s is not a directory: remove it or choose another --file-prefix", p->dir);
		return -ENOTDIR;
	}
	if (!sh_uid_allowed(st.st_uid) && st.st_uid == geteuid()) {
		sh_err("the runtime directory %s belongs to user %u, which is what every user without a number in this "
		       "user namespace looks like: map the users, or trust all of those with --allow-uid=%u",
		       p->dir, (unsigned)st.st_uid, (unsigned)st.st_uid);
		return -EACCES;
	}
	if (!sh_uid_allowed(st.st_uid)) {
		sh_err("the runtime directory %s belongs to user %u, this is user %u: choose another --file-prefix or "
		       "RUNTIME_DIRECTORY, or let that user in with --allow-uid",
		       p->dir, (unsigned)st.st_uid, (unsigned)geteuid());
		return -EACCES;
	}
	return 0;
}

/* does somebody listen on this name? Only "refused" proves that nobody does. */
static bool listens(const struct sh_proc *p, const char *name, int type)
{
	struct sockaddr_un a;
	int s, err = 0;

	if (sh_sock_addr(&a, p->dir, name) != 0)
		return true;
	s = sh_fd_up(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (s < 0)
		return true;
	if (connect(s, (struct sockaddr *)&a, sizeof(a)) != 0)
		err = errno;
	sh_close(&s);
	return err != ECONNREFUSED && err != ENOENT;
}

/* the listener of a member that is in the table; it may be bound and not listen yet */
static bool in_table(struct sh_proc *p, const char *name)
{
	unsigned slot, gen;

	return p->r != NULL && sscanf(name, "join_%u_%u", &slot, &gen) == 2 && sh_member_alive(SH_ID(slot, gen));
}

/* a new primary: names of sockets that nobody serves any more go */
void sh_rundir_sweep(struct sh_proc *p)
{
	DIR *d = opendir(p->dir);
	struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		const char *n = e->d_name;
		bool join = strcmp(n, "join") == 0 || strncmp(n, "join_", 5) == 0 || strncmp(n, ".join_", 6) == 0;
		bool mp = strcmp(n, "mp_socket") == 0 || strncmp(n, "mp_socket_", 10) == 0;
		struct stat st;

		if ((!join && !mp) || fstatat(dirfd(d), n, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (!S_ISSOCK(st.st_mode) && !S_ISLNK(st.st_mode))
			continue;
		if (!in_table(p, n) && !listens(p, n, join ? SOCK_SEQPACKET : SOCK_DGRAM))
			(void)unlinkat(dirfd(d), n, 0);
	}
	closedir(d);
}

/* ---- my own listener: its socket under its name; serve.c accepts ---- */

int sh_listen(struct sh_proc *p)
{
	struct sockaddr_un a;
	int err;

	snprintf(p->lsn_name, sizeof(p->lsn_name), "join_%u_%u", sh_id_slot(p->id), sh_id_gen(p->id));
	err = sh_sock_addr(&a, p->dir, p->lsn_name);
	if (err != 0)
		return err;
	p->lsn = sh_fd_up(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	if (p->lsn < 0) {
		err = -errno;
		sh_err("cannot make the listener: socket: %s; %s", strerror(-err), sh_fd_advice(err));
		return err;
	}
	(void)unlink(a.sun_path); /* the name holds my generation: nobody else's, but for a group that is gone */
	if (bind(p->lsn, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    chmod(a.sun_path, p->o.n_allow_uid > 0 ? 0666 : 0600) != 0 || listen(p->lsn, 4096) != 0) {
		err = -errno;
		sh_err("cannot listen on %s: %s; %s", a.sun_path, strerror(-err), sh_bind_advice(err));
		return err;
	}
	return 0;
}

/* "join" -> my own listener, in one step. Under lock: the watcher must not set it again when I have left. */
void sh_join_name_set(struct sh_proc *p)
{
	char tmp[192], join[192];

	if (p->alone)
		return;
	snprintf(tmp, sizeof(tmp), "%s/.%s", p->dir, p->lsn_name);
	snprintf(join, sizeof(join), "%s/join", p->dir);
	pthread_mutex_lock(&p->lock);
	if (!sh_load_acq(&p->leaving)) { /* A:LEAVING */
		(void)unlink(tmp);
		if (symlink(p->lsn_name, tmp) != 0 || rename(tmp, join) != 0) {
			sh_warn("cannot set %s: %s; newcomers will look for %s instead", join, strerror(errno),
				p->lsn_name);
			(void)unlink(tmp);
		}
	}
	pthread_mutex_unlock(&p->lock);
}

/* if "join" is mine it goes */
void sh_join_name_drop(struct sh_proc *p)
{
	char join[192], to[64];
	ssize_t n;

	snprintf(join, sizeof(join), "%s/join", p->dir);
	pthread_mutex_lock(&p->lock);
	n = readlink(join, to, sizeof(to) - 1);
	if (n > 0) {
		to[n] = '\0';
		if (strcmp(to, p->lsn_name) == 0)
			(void)unlink(join);
	}
	pthread_mutex_unlock(&p->lock);
}

void sh_listen_stop(struct sh_proc *p)
{
	sh_listen_end(p);
	sh_own_close(p, &p->lsn);
}

/* the names of a member that is dead */
void sh_rundir_forget(struct sh_proc *p, sh_id_t id, const char *sock)
{
	char path[256];

	if (p->alone)
		return;
	snprintf(path, sizeof(path), "%s/join_%u_%u", p->dir, sh_id_slot(id), sh_id_gen(id));
	(void)unlink(path);
	snprintf(path, sizeof(path), "%s/.join_%u_%u", p->dir, sh_id_slot(id), sh_id_gen(id));
	(void)unlink(path);
	/* "mp_socket" itself is left to the next primary, which may have bound it already */
	if (strncmp(sock, "mp_socket_", 10) == 0 && strchr(sock, '/') == NULL) {
		snprintf(path, sizeof(path), "%s/%.63s", p->dir, sock);
		(void)unlink(path);
	}
}
