"""The help of commands with many options: in sections, by what an option is about."""

from __future__ import annotations

from dataclasses import fields

import click

from corrbench.target import Given

SECTIONS = {  # of help: the options that are in each, by their names
    "How the target is called": tuple(one.name for one in fields(Given) if one.name not in ("timeout", "memory")),
    "What is asked": ("profile", "check", "case", "cases", "suite", "suites", "sources", "seed", "backward",
                      "fail_fast", "max_findings", "budget", "limit", "no_correctness", "no_counts", "tolerance",
                      "memcheck", "no_tests", "dtype", "diff", "expect", "fingerprint"),
    "What is accepted": ("baseline", "no_baseline", "strict_baseline", "record_baseline", "reason", "require_coverage"),
    "What is written": ("json_file", "junit", "markdown", "page", "sarif", "report", "github", "plot", "show", "quiet",
                        "verbose"),
    "How it runs": ("executor", "workers", "timeout", "memory", "store", "resume"),
}  # fmt: skip


class Sections(click.Command):
    """A command whose help has its options in sections; those that are in none come first."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records = {
            param.name: record
            for param in self.get_params(ctx)
            if isinstance(param, click.Option) and (record := param.get_help_record(ctx))
        }
        named = {name for names in SECTIONS.values() for name in names}
        own = [record for name, record in records.items() if name not in named]
        parts = {title: [records[name] for name in names if name in records] for title, names in SECTIONS.items()}
        for title, rows in ({"Options": own} | parts).items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
