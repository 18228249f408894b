"""`./tickhouse`: the one command; its verbs are the other modules of this package."""

import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from cli import (
    backing_up,
    book,
    developing,
    doctoring,
    documentation,
    drilling,
    lake,
    lake_benchmarks,
    migrating,
    preparing,
    rehearsing,
    reporting,
    running,
    submitting,
    tailing,
    trading,
    versioning,
)
from cli.console import ERR
from include.errors import TickhouseError, Unreachable
from include.process import unwind_on_sigterm


class _UsageSentence(click.ClickException):
    """A usage error as one sentence with the command that shows the verb's arguments."""

    exit_code = 2

    def __init__(self, usage_error: click.UsageError) -> None:
        fault = " ".join(usage_error.format_message().split()).rstrip(".")
        context = usage_error.ctx
        help_command = f"./{context.command_path} --help" if context else "see --help"
        super().__init__(f"{fault} ({help_command})")

    def show(self, *unused: object) -> None:
        """Print it as every other error is printed."""
        ERR.print(f"[red]tickhouse:[/] {escape(self.message)}", highlight=False, soft_wrap=True)


class _Group(click.Group):
    """A group whose errors are one sentence, its verbs in written order.

    Exit code 2: the command line cannot be read; 1: any other error.
    """

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        """The group's context."""
        with _usage_in_a_sentence():
            return super().make_context(*arguments, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb."""
        try:
            with _usage_in_a_sentence():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            message, code = "interrupted", 130
        except TickhouseError as error:
            names_remedy = "TICKHOUSE_" in str(error)
            is_silence = isinstance(error, Unreachable) and not names_remedy
            hint = " (is it up? ./tickhouse status)" if is_silence else ""
            message, code = f"[red]tickhouse:[/] {escape(str(error))}{hint}", 1
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            message, code = f"[red]tickhouse:[/] {escape(_describe_unexpected(error))}", 1
        ERR.print(message, highlight=False, soft_wrap=True)
        sys.exit(code)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@contextmanager
def _usage_in_a_sentence() -> Iterator[None]:
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise  # the help itself
    except click.UsageError as error:
        raise _UsageSentence(error) from None


def _describe_unexpected(error: Exception) -> str:
    """A sentence about an unexpected error; its traceback goes to a file."""
    text = str(error).strip().splitlines()
    sentence = f"{type(error).__name__}: {text[0] if text else 'without a word'}"
    file = Path(tempfile.gettempdir()) / f"tickhouse-error-{os.getpid()}.txt"
    with suppress(OSError):
        file.write_text("".join(traceback.format_exception(error)))
        sentence += f" (unexpected; its traceback is in {file})"
    return sentence


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """A crypto tick lakehouse: every market message accounted for."""


for verb in (
    running.up,
    running.down,
    running.restart,
    running.logs,
    running.status,
    preparing.prepare,
    preparing.run_airflow,
    submitting.submit,
    lake.run_sql,
    book.show_book,
    tailing.tail,
    reporting.report,
    lake.audit,
    lake.quarantine,
    lake.holes,
    doctoring.doctor,
    backing_up.backup,
    backing_up.restore,
    migrating.migrate,
    trading.forecast,
    trading.trader,
    trading.trace,
    rehearsing.replay,
    rehearsing.backtest,
    developing.test,
    developing.check,
    lake_benchmarks.bench,
    drilling.drill,
    documentation.build_docs,
    versioning.version,
):
    cli.add_command(verb)

if __name__ == "__main__":
    unwind_on_sigterm(KeyboardInterrupt())  # what a verb started is ended with it
    cli(prog_name="tickhouse")
