"""The command line. Each command imports what it needs when it runs, so that `advisor --help` is quick."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from service.checkout import refuse_foreign_packages
from service.commands import keys
from service.refusals import one_line_refusals

app = typer.Typer(
    name="advisor",
    help="Tells a team whether to prompt, retrieve or fine-tune, on its own examples, before the budget is spent.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Data = Annotated[
    Path, typer.Argument(help="Labelled examples: JSONL (OpenAI chats too), CSV, TSV, Parquet.", metavar="DATA")
]
Test = Annotated[Path | None, typer.Option(help="Test file; without it, rows of DATA are kept back.", metavar="FILE")]
InputColumn = Annotated[str | None, typer.Option(help="Column with the text; guessed if not named.", metavar="NAME")]
OutputColumn = Annotated[str | None, typer.Option(help="Column with the label; guessed if not named.", metavar="NAME")]
Policy = Annotated[Path | None, typer.Option(help="TOML file that overrides thresholds of the rules.", metavar="FILE")]
Models = Annotated[
    Path | None, typer.Option(help="TOML file with your own prices and dates of models.", metavar="FILE")
]
TaskFile = Annotated[
    Path | None,
    typer.Option("--task", help="YAML: what a row is asked for: kind, instruction, labels, schema.", metavar="FILE"),
]
Kind = Annotated[str | None, typer.Option(help="classification, extraction, question_answering or generation.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@app.command()
def demo(out: Annotated[Path, typer.Option(help="Folder for the run.")] = Path("advisor-runs/demo")) -> None:
    """Assess, audit and compare the sample tickets; takes a few minutes."""
    with one_line_refusals():
        from service.commands.demo import run_demo

        run_demo(out)


@app.command()
def assess(
    form: Annotated[
        Path | None,
        typer.Argument(help="Answered form: YAML or JSON; without it the questions are asked here.", metavar="FORM"),
    ] = None,
    blank: Annotated[bool, typer.Option("--blank", help="Print a blank form to fill in.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="File for the answers given here [form.yaml].", metavar="FILE")
    ] = None,
    policy: Policy = None,
    models: Models = None,
    json: Json = False,
    format: Annotated[str, typer.Option(help="text or md.")] = "text",
) -> None:
    """Judge an answered form: what speaks for each method, what forbids it, what is still open."""
    with one_line_refusals():
        from service.commands.assess import run_assess

        run_assess(form, as_json=json, format=format, blank=blank, out=out, policy=policy, models=models)


@app.command()
def plan(
    form: Annotated[Path, typer.Argument(help="Answered form: YAML or JSON.", metavar="FORM")],
    data: Annotated[
        Path | None,
        typer.Argument(help="Labelled examples, counted instead of asked.", metavar="DATA"),
    ] = None,
    test: Test = None,
    input_column: InputColumn = None,
    output_column: OutputColumn = None,
    policy: Policy = None,
    models: Models = None,
    json: Json = False,
) -> None:
    """Show the comparison that a form calls for: arms, rows, what it can see, what it takes. Nothing is run."""
    with one_line_refusals():
        from service.commands.plan import PlanRequest, run_plan

        run_plan(PlanRequest(form, data, test, input_column, output_column, policy, models), as_json=json)


@app.command()
def audit(
    data: Data,
    test: Test = None,
    input_column: InputColumn = None,
    output_column: OutputColumn = None,
    json: Json = False,
    clean: Annotated[
        Path | None,
        typer.Option(help="Also write DATA without what the findings object to, and a list of it.", metavar="OUT"),
    ] = None,
    clean_only: Annotated[
        str | None, typer.Option(help="Clean for these findings only, such as AUDIT09,AUDIT10.", metavar="CODES")
    ] = None,
    task: TaskFile = None,
    kind: Kind = None,
) -> None:
    """Check examples for duplicates, conflicts, leaks and gaps. Exits with 3 if a comparison is not possible.

    With --clean OUT it is the cleaned file that counts. Of exact copies the first stays; copies with different labels,
    empty rows and rows that repeat a test row go; personal data and secrets become placeholders; near duplicates stay
    unless AUDIT10 is named.
    """
    with one_line_refusals():
        from service.commands.audit import AuditRequest, run_audit
        from service.commands.task_file import read_kind

        request = AuditRequest(data, test, input_column, output_column, clean, clean_only, task, read_kind(kind))
        run_audit(request, as_json=json)


@app.command()
def compare(
    data: Data,
    test: Test = None,
    form: Annotated[Path | None, typer.Option(help="Answered form; its margin and costs are used.")] = None,
    labels: Annotated[Path | None, typer.Option(help="YAML: a sentence for each label, for zero-shot.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for trials and report [advisor-runs/DATA].")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every split, draw and fit.", min=0)] = 1,
    input_column: InputColumn = None,
    output_column: OutputColumn = None,
    json: Annotated[Path | None, typer.Option(help="Also write the report as JSON here; - prints it.")] = None,
    require: Annotated[
        str | None, typer.Option(help="Exit with 4 unless the verdict is this: fine_tune, keep, keep:few_shot, ...")
    ] = None,
    learning_curve: Annotated[
        bool, typer.Option(help="Also fit on an eighth, a quarter and half of the rows: what would more rows change?")
    ] = True,
    training_cost: Annotated[
        float,
        typer.Option(
            help="What one training costs you, in the form's currency: a fine-tune must then earn it. On this machine "
            "it costs nothing.",
            min=0,
            metavar="MONEY",
        ),
    ] = 0.0,
    exhaustive: Annotated[
        bool, typer.Option("--exhaustive", help="Train every fine-tune, also one that cannot change the decision.")
    ] = False,
    accept: Annotated[
        list[str] | None, typer.Option(help="Go on in spite of this audit blocker; needs --by.", metavar="CODE")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Who answers for --accept; the report says so.", metavar="NAME")
    ] = None,
    policy: Policy = None,
    models: Models = None,
    task: TaskFile = None,
    kind: Kind = None,
    backend: Annotated[
        list[str] | None,
        typer.Option(help="What answers: encoder, endpoint (ADVISOR_ENDPOINT), local (--model); repeatable [encoder]."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model of this machine: a folder, or a name of the hub.", metavar="MODEL")
    ] = None,
    written_labels: Annotated[
        bool,
        typer.Option(
            "--written-labels",
            help="Let a model of this machine write its labels, as a server does, instead of taking the likeliest.",
        ),
    ] = False,
    four_bit: Annotated[
        bool,
        typer.Option("--four-bit", help="Load that model with 4 bits a weight: needs a GPU and bitsandbytes."),
    ] = False,
    budget: Annotated[
        float | None, typer.Option(help="Most that calls of an endpoint may cost in all.", min=0, metavar="MONEY")
    ] = None,
    calls: Annotated[
        int | None, typer.Option(help="Most calls of an endpoint in all.", min=0, metavar="NUMBER")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Spend what is foreseen without asking.")] = False,
    improve_prompt: Annotated[
        bool,
        typer.Option("--improve-prompt", help="Also let the model improve its instruction by its errors: many calls."),
    ] = False,
    corpus: Annotated[
        Path | None,
        typer.Option(help="Documents to search: a folder or file of JSONL, Markdown, text, HTML, PDF.", metavar="PATH"),
    ] = None,
    search_service: Annotated[
        bool, typer.Option("--search-service", help="Search with the service that ADVISOR_SEARCH_URL names.")
    ] = False,
    passages: Annotated[
        int | None,
        typer.Option(help="How many passages stand with each text [5]; small models read one best.", min=1),
    ] = None,
    temperature: Annotated[
        list[float] | None,
        typer.Option(
            help="Ask the recommended arm again at this temperature, ten times about 30 rows; repeatable.", min=0
        ),
    ] = None,
    recorded: Annotated[
        Path | None, typer.Option(help="Compare answers to DATA that were recorded elsewhere.", metavar="FILE")
    ] = None,
    family: Annotated[
        list[str] | None, typer.Option(help="Kind of a recorded arm, such as NAME=lora.", metavar="NAME=FAMILY")
    ] = None,
    missing_as_failures: Annotated[
        bool, typer.Option("--missing-as-failures", help="Recorded answers that are missing are wrong ones.")
    ] = False,
    with_encoder: Annotated[
        bool, typer.Option("--with-encoder", help="Run the encoder's arms beside the recorded ones.")
    ] = False,
) -> None:
    """Run every arm on DATA, decide, and write the report. Stopped, it goes on where it was.

    Exits with 0 on a verdict, 2 on bad input, 3 when the audit forbids a comparison, 4 when --require is not met.
    """
    with one_line_refusals():
        from service.commands.compare import Request, run_compare
        from service.commands.task_file import read_kind

        request = Request(
            data, test, form, labels, out, seed, input_column, output_column, json, require,
            accept=tuple(accept or ()), by=by, policy=policy, models=models, learning_curve=learning_curve,
            training_cost=training_cost, exhaustive=exhaustive, task=task, kind=read_kind(kind),
            backends=tuple(backend or ()), budget=budget, calls=calls, yes=yes, improve_prompt=improve_prompt,
            corpus=corpus, search_service=search_service, passages=passages, temperatures=tuple(temperature or ()),
            model=model, written_labels=written_labels, four_bit=four_bit,
        )  # fmt: skip
        if recorded or family or missing_as_failures or with_encoder:
            from service.commands.compare_recorded import Answers, run_compare_recorded

            run_compare_recorded(request, Answers(recorded, family or (), missing_as_failures, with_encoder))
        else:
            run_compare(request)


@app.command()
def judge(
    folder: Annotated[Path, typer.Argument(help="Folder of a comparison of written answers.", metavar="DIR")],
    sheet: Annotated[
        Path | None, typer.Option(help="First: write rows drawn at random here, for a person.", metavar="FILE.csv")
    ] = None,
    grades: Annotated[
        Path | None, typer.Option(help="Then: the same file, filled in; the endpoint is asked.", metavar="FILE.csv")
    ] = None,
    criterion: Annotated[
        str | None, typer.Option(help="What makes an answer better, in one sentence; goes with --grades.")
    ] = None,
    arms: Annotated[
        str | None,
        typer.Option(help="Which two [the recommended one and the best of another kind].", metavar="NAME,NAME"),
    ] = None,
    rows: Annotated[int, typer.Option(help="Rows for the person to grade.", min=30)] = 50,
    seed: Annotated[int, typer.Option(help="Seed of the draw.", min=0)] = 1,
    models: Models = None,
    budget: Annotated[
        float | None, typer.Option(help="Most that the judge may cost in all.", min=0, metavar="MONEY")
    ] = None,
    calls: Annotated[int | None, typer.Option(help="Most calls of the judge in all.", min=0, metavar="NUMBER")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Spend what is foreseen without asking.")] = False,
) -> None:
    """Say which of two ways writes the better answers: a model judges all rows, a person's grades of some correct it.

    Write a sheet with --sheet, have at least 30 of its rows graded, and give it back with --grades and --criterion. The
    model that ADVISOR_ENDPOINT_MODEL names is then asked about every row, in both orders, and the result stands in the
    report. The verdict stays as it is.
    """
    with one_line_refusals():
        from service.commands.judge import JudgeRequest, run_judge

        run_judge(JudgeRequest(folder, sheet, grades, criterion, arms, rows, seed, models, budget, calls, yes))


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a comparison.", metavar="DIR")],
    format: Annotated[str, typer.Option(help="text, md, html or json.")] = "text",
) -> None:
    """Show the report of a finished comparison again."""
    with one_line_refusals():
        from service.commands.report import run_report

        run_report(folder, format)


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on [127.0.0.1]; beyond loopback only with keys.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [8000]; 0 picks a free one.")] = None,
    worker: Annotated[bool, typer.Option(help="Also work on what is queued.")] = True,
) -> None:
    """Serve pages and API, with a worker beside them. Beyond this machine callers need keys: advisor keys create."""
    with one_line_refusals():
        from service.commands.serve import run_serve

        run_serve(host, port, worker=worker)


@app.command()
def worker(
    queues: Annotated[
        str, typer.Option(help="Which queues to serve, separated by commas.")
    ] = "comparisons,planning,trials,gpu",
) -> None:
    """Work on what is queued, beside other workers, on this machine or another one."""
    with one_line_refusals():
        from service.commands.serve import run_worker

        run_worker([name.strip() for name in queues.split(",") if name.strip()])


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="File to write, which must be new.", metavar="FILE")],
) -> None:
    """Write the database and all uploads, comparisons and answers to one file, while the service runs."""
    with one_line_refusals():
        from service.commands.backup import run_backup

        run_backup(file)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup.", metavar="FILE")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace what is there now.")] = False,
) -> None:
    """Check a backup and put it back, with the service stopped. What was under way waits to be resumed."""
    with one_line_refusals():
        from service.commands.backup import run_restore

        run_restore(file, replace=replace)


app.add_typer(keys.app, name="keys")


def main() -> None:
    """Entry point of `advisor`."""
    # Read when a numerical library starts its threads. Waiting threads that spin make every fit many times slower as
    # soon as another process wants a core.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    refuse_foreign_packages()
    app()


if __name__ == "__main__":
    main()
