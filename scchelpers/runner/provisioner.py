"""The provisioner of forked kernels, known to jupyter_client by the entry point `scc-warm`.

A kernel specification whose metadata name it gets its kernels from a warm process; whatever drives
kernels through jupyter_client (papermill, nbclient) need not know. Where a kernel cannot be forked
it is started as any other, and `stock_because` says why.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import ClassVar

from jupyter_client.provisioning import LocalProvisioner

from scchelpers.runner.warm import ForkRefusedError, WarmProcess, WarmServer

NAME = "scc-warm"


class WarmProvisioner(LocalProvisioner):
    """Forks kernels from a warm process; owns their process ids.

    Attributes
    ----------
    modules : tuple of str
        What the warm process imports; set it before the first kernel.
    portfolio : str
        Folder of a portfolio whose tables it reads, "" for none.
    server : WarmServer or None
        The warm process; one that another process shares may be set before the first kernel.
    last : WarmProcess or None
        The last kernel, None if it was started rather than forked.
    stock_because : str
        Why it was not forked, "" if it was.
    """

    modules: ClassVar[tuple[str, ...]] = ()
    portfolio: ClassVar[str] = ""
    server: ClassVar[WarmServer | None] = None
    last: ClassVar[WarmProcess | None] = None
    stock_because: ClassVar[str] = ""

    async def launch_kernel(self, cmd: list[str], **kwargs):
        """Fork a kernel, or start one where that cannot be."""
        cwd = Path(kwargs.get("cwd") or Path.cwd())
        try:
            self.process = self._fork(cmd[cmd.index("-f") :], dict(kwargs["env"]), str(cwd))
        except ForkRefusedError as why:
            WarmProvisioner.last, WarmProvisioner.stock_because = None, str(why)
            return await super().launch_kernel(cmd, **kwargs)
        WarmProvisioner.last, WarmProvisioner.stock_because = self.process, ""
        self.pid = self.pgid = self.process.pid
        self.cwd = cwd
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:
        """End the kernel and see it gone, which Jupyter would look for ten times a second."""
        await super().kill(restart)
        await self.wait()

    async def wait(self) -> int | None:
        """Return the exit status of the kernel when it has ended; Jupyter looks too rarely."""
        while isinstance(self.process, WarmProcess) and self.process.poll() is None:
            await asyncio.sleep(0.005)
        return await super().wait()

    @classmethod
    def _fork(cls, *request) -> WarmProcess:
        """Fork a kernel; a warm process that ended in the meantime is made anew, once."""
        server = cls._warm_server()
        try:
            return server.fork(*request)
        except ForkRefusedError:
            if server.alive:
                raise
        return cls._warm_server().fork(*request)

    @classmethod
    def prepare(cls) -> None:
        """Have a warm process that can fork at once, where one can be had."""
        with contextlib.suppress(ForkRefusedError):
            cls._warm_server().wait_ready()

    @classmethod
    def _warm_server(cls) -> WarmServer:
        """Return the warm process of this process, made anew if it has ended."""
        if cls.server is None or not cls.server.alive:
            WarmProvisioner.server = WarmServer.start(cls.modules, cls.portfolio)
        return WarmProvisioner.server

    @classmethod
    def end_server(cls) -> None:
        """End the warm process and every kernel it made."""
        if cls.server is not None:
            cls.server.end()
            WarmProvisioner.server = None
