"""``nightscribe deploy``: the account's stack, through a change set that a person has seen."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from batch.cli.options import json_option

if TYPE_CHECKING:
    from batch.account.deploy import Change, ChangeSet, Deployment

_REPLACED = {"True": "replaced", "Conditional": "perhaps replaced"}


@click.command()
@click.option("--stack", default="nightscribe", show_default=True, help="The stack's name.")
@click.option(
    "-p",
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Of the template; may be given again. What is not given stays as it is.",
)
@click.option("--region", help="Default: the region of the AWS settings.")
@click.option("--yes", is_flag=True, help="Make the changes without asking.")
@click.option(
    "--import-existing",
    is_flag=True,
    help="Take over the bucket (named by BucketName) and the log groups of an earlier stack.",
)
@json_option
def deploy(
    *,
    stack: str,
    parameters: tuple[str, ...],
    region: str | None,
    yes: bool,
    import_existing: bool,
    as_json: bool,
) -> int:
    """Make or update what nightscribe needs in the AWS account.

    Shows what would change, and asks. For an administrator: it makes roles and policies.
    """
    from batch.account.deploy import Deployment
    from batch.cli.main import EXIT_INPUT

    deployment = Deployment(name=stack, region=region, on_line=_note)
    if not _without_leftover(deployment, yes=yes):
        return EXIT_INPUT
    prepared = deployment.prepare(parameters, import_existing=import_existing)
    if prepared is not None:
        _show(deployment, prepared)
        agreed = False
        try:
            agreed = _agreed("make these changes?", yes=yes)
        finally:  # Ctrl-C is a no
            if not agreed:
                deployment.forget(prepared)
        if not agreed:
            return EXIT_INPUT
        made = deployment.carry_out(prepared)
    else:
        _note(f"stack {stack} in {deployment.region_name}: nothing to change")
        standing = deployment.standing()
        assert standing is not None
        made = standing
    if as_json:
        changes = [asdict(one) for one in prepared.changes] if prepared else []
        content = {"stack": stack, "region": deployment.region_name, "status": made.status}
        click.echo(json.dumps({**content, "changes": changes, "outputs": made.outputs}, indent=1))
    else:
        _say_made(made.outputs, stack, deployment.region_name)
    return 0


def _without_leftover(deployment: Deployment, *, yes: bool) -> bool:
    """Whether nothing is in the way of a stack of that name any more."""
    status = deployment.leftover()
    if status is None:
        return True
    _note(f"stack {deployment.name} never came to be ({status}) and must be deleted first")
    if not _agreed("delete it?", yes=yes):
        return False
    deployment.remove_leftover()
    return True


def _agreed(question: str, *, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        _note("nothing was changed; --yes makes the changes without asking")
        return False
    return click.confirm(question, err=True)


def _show(deployment: Deployment, prepared: ChangeSet) -> None:
    how = "would be made" if prepared.creates else "would change"
    _note(f"stack {deployment.name} in {deployment.region_name} {how}:")
    if not prepared.changes:
        _note("  no resource; outputs or parameters only")
    for line in _table(prepared.changes):
        _note(f"  {line}")


def _table(changes: tuple[Change, ...]) -> list[str]:
    """Columns of one width: action, name, type, replacement."""
    rows = [(one.action, one.name, one.kind, _REPLACED.get(one.replacement, "")) for one in changes]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _say_made(outputs: dict[str, str], stack: str, region: str) -> None:
    width = max(map(len, outputs), default=0)
    for name, value in outputs.items():
        click.echo(f"{name:<{width}}  {value}")
    click.echo(
        "\nfor nightscribe.toml:\n\n"
        f'[archive]\nuri = "{outputs.get("ArchiveUri", "")}"\n\n'
        f'[output]\nuri = "{outputs.get("OutputUri", "")}"\n\n'
        '[platform]\nname = "sagemaker"\n\n'
        f'[sagemaker]\nstack = "{stack}"\nregion = "{region}"\n\n'
        "attach CallerPolicyArn to whoever runs nightscribe, then: nightscribe doctor"
    )


def _note(line: str) -> None:
    click.echo(line, err=True)


COMMANDS = (deploy,)
