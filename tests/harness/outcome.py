"""How a run of the loader ended."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run left on its way out.

    Attributes:
        exit_code: the process's own, or minus the signal it died of.
        stdout: what it told.
        stderr: what it complained of.
        secrets: what neither may hold.
    """

    exit_code: int
    stdout: str
    stderr: str
    secrets: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """Both streams."""
        return self.stdout + self.stderr

    def error(self, exit_code: int) -> str:
        """Check that the run ended with this code and one line that says why; return the line."""
        assert self.exit_code == exit_code, self.said
        errors = self._errors
        assert len(errors) == 1, self.said
        assert self.stderr.splitlines()[-1] == errors[0]
        assert errors[0].startswith(f"ERROR GX-{exit_code:03d} ")
        assert "Traceback" not in self.said
        assert not [secret for secret in self.secrets if secret in self.said]
        return errors[0]

    def succeeded(self) -> Self:
        """Check that the run came through and complained of nothing at the end."""
        assert self.exit_code == 0, self.said
        assert not self._errors, self.said
        assert "Traceback" not in self.said
        return self

    @property
    def _errors(self) -> list[str]:
        """The lines that name one: what a library says of its levels is none."""
        return [line for line in self.said.splitlines() if line.lstrip().startswith("ERROR")]
