# SPDX-License-Identifier: BSD-3-Clause
"""A person at a terminal: starts a program on a pty of its own, types keys, waits for what is shown."""
import os
import pty
import pwd
import select
import signal
import subprocess
import time

LIMIT = 20 * float(os.environ.get('SHOAL_TEST_SLOW', '1'))


class Failed(Exception):
    """What was not seen, and what was."""


def as_at_a_terminal():
    """Started in the background, a program inherits that these are ignored; a person's shell starts it without."""
    for s in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(s, signal.SIG_DFL)


class Terminal:
    def __init__(self, argv, user=None, env=None):
        master, slave = pty.openpty()
        self.shown = ''  # all of it, carriage returns taken out
        self.seen = 0
        self.name = ' '.join(os.path.basename(a) if i == 0 else a for i, a in enumerate(argv))
        self.fd = master
        who = pwd.getpwnam(user) if user else None
        self.proc = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, close_fds=True, env=env,
                                     user=who and who.pw_uid, group=who and who.pw_gid,
                                     extra_groups=[] if who else None, start_new_session=True,
                                     preexec_fn=as_at_a_terminal)
        os.close(slave)

    def _read(self, until):
        ready, _, _ = select.select([self.fd], [], [], max(0, until - time.monotonic()))
        if not ready:
            return None
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the program has gone
            data = b''
        self.shown += data.decode(errors='replace').replace('\r', '')
        return data

    def expect(self, text):
        """Wait until this is shown, behind what was expected before."""
        until = time.monotonic() + LIMIT
        while True:
            at = self.shown.find(text, self.seen)
            if at >= 0:
                self.seen = at + len(text)
                return
            if not self._read(until):
                raise Failed(f'{self.name} did not show {text!r}; after the last that was expected it showed '
                             f'{self.shown[self.seen:]!r}')

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def ask(self, keys, *answers):
        self.type(keys)
        for a in answers:
            self.expect(a)

    def ends(self, status=0):
        until = time.monotonic() + LIMIT
        while self._read(until):
            pass
        try:
            got = self.proc.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise Failed(f'{self.name} did not end; it showed {self.shown[self.seen:]!r}') from None
        if got != status:
            raise Failed(f'{self.name} ended with {got}, not {status}; it showed {self.shown!r}')

    def kill(self, sig=signal.SIGKILL):
        self.proc.send_signal(sig)

    def close(self):
        if self.proc.poll() is None:
            os.killpg(self.proc.pid, signal.SIGKILL)
            self.proc.wait()
        os.close(self.fd)
