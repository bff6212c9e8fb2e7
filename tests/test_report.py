"""What a notebook speaks and draws with: sentences, needs, pictures, tables."""

import re

import nbformat
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from nbclient import NotebookClient

from scchelpers.faults import UserError
from scchelpers.report import needs, pictures, words
from scchelpers.report.say import render


@pytest.fixture(scope="module")
def cells():
    """Return the outputs of a few cells, each a list, as a kernel gives them."""
    sources = [
        "%load_ext scchelpers.report\nload = 12.0",
        "%%say\nAt most {{ load | kva }}.",
        "import pandas as pd\n"
        "ax = pd.Series([1, 2, 3]).plot(title='Load grows')\n"
        "ax.set(xlabel='day', ylabel='load [kW]');",
        "import matplotlib.pyplot as plt\nfor _ in range(2):\n    plt.figure().add_subplot()",
        "1 + 1",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    executed = NotebookClient(notebook, kernel_name="python3").execute()
    return [cell.outputs for cell in executed.cells]


def said(text, **names) -> str:
    return render(text, names).replace(words.NARROW, " ")


def test_a_missing_name_is_an_error_and_says_which():
    with pytest.raises(UserError, match="'cap_kva' is undefined"):
        said("{{ cap_kva | kva }}")


def test_a_measured_number_needs_its_unit():
    with pytest.raises(UserError, match="has no unit"):
        said("{{ load }}", load=12.5)
    assert said("{{ load | kva }}, {{ n }} of them", load=12.5, n=3) == "12.5 kVA, 3 of them"
    for found in ([1.5], pd.Series([1.5]), None):
        with pytest.raises(UserError, match="in a sentence"):
            render("{{ found }}", {"found": found})


def test_text_from_data_is_shown_as_it_is():
    assert "<script>" not in said("{{ name }}", name="<script>*x*")
    assert said("{{ name }}", name="*x*") == r"\*x\*"
    assert "<b>" not in said("{{ names | listed }}", names=["<b>", "y"])


@pytest.mark.parametrize("unit", ["kw", "pct", "gbp", "months", "hours"])
@pytest.mark.parametrize("value", [float("nan"), None])
def test_what_is_unknown_is_said_and_not_a_number(unit, value):
    assert said(f"{{{{ x | {unit} }}}}", x=value).startswith("unknown")


@pytest.mark.parametrize(
    ("text", "value", "right"),
    [
        ("{{ x | months }}", 0.5, "6 months"),
        ("{{ x | months }}", 1.25, "15 months"),
        ("{{ x | gbp }}", 30_412, "£30,000"),
        ("{{ x | gbp }}", -8.26, "−£8.30"),
        ("{{ x | pct }}", 0.0004, "under 1 %"),
        ("{{ x | signed }}", -0.25, "−25 %"),
        ("{{ x | clock }}", 33, "16:30"),
        ("{{ x | clock }}", 48, "24:00"),
        ("{{ x | hours }}", 4.0, "4 hours"),
        ("{{ x | hours }}", 1.0, "1 hour"),
        ('{{ x | between("kW") }}', [1.5, 2.25], "1.50 to 2.25 kW"),
        ('{{ x | count("half hour") }}', 0, "no half hours"),
        ("{{ x | date }}", np.datetime64("2026-11-02"), "2 November 2026"),
    ],
)
def test_quantities_in_words(text, value, right):
    assert said(text, x=value) == right


def test_needs_says_what_to_supply():
    needs(pd.Series([1.0]), "nothing")
    with pytest.raises(UserError, match="import sessions"):
        needs(pd.DataFrame(), "No sessions: import sessions.")


def drawings(outputs) -> list:
    return [output for output in outputs if "image/svg+xml" in output.get("data", {})]


def test_a_plot_made_the_usual_way_is_shown_with_a_text(cells):
    (drawing,) = drawings(cells[2])
    alt = drawing.metadata["image/svg+xml"]["alt"]
    assert alt.startswith("Load grows; day,")
    assert "load [kW]" in alt
    assert "<title" in drawing.data["image/svg+xml"]


def test_every_figure_of_a_cell_is_shown_and_none_twice(cells):
    assert len(drawings(cells[3])) == 2
    assert drawings(cells[4]) == []


def test_say_in_a_notebook(cells):
    assert cells[1][0].data["text/markdown"].replace(words.NARROW, " ") == "At most 12 kVA."


def test_a_figure_has_the_same_bytes_again_and_turns_dark():
    def draw():
        figure = Figure(figsize=(9, 3))
        figure.add_subplot().plot([0, 1], [0, 2], color="#0a5f9e")
        return pictures.svg(figure)

    first = draw()
    assert first == draw()
    assert "prefers-color-scheme:dark" in first
    assert "--c0a5f9e:#0a5f9e" in first
    assert f"--c0a5f9e:{pictures.dark_of('#0a5f9e')}" in first
    width = float(re.search(r'width="([\d.]+)pt"', first).group(1))
    assert width == pytest.approx(72 * pictures.WIDEST_IN)


def test_a_cloud_of_points_is_drawn_as_pixels_in_a_small_file():
    figure = Figure()
    rng = np.random.default_rng(1)
    figure.add_subplot().scatter(*rng.normal(size=(2, 20_000)))
    assert len(pictures.svg(figure)) < 400_000


def test_a_name_from_data_cannot_leave_the_drawing():
    figure = Figure()
    figure.add_subplot().set_title("<script>&\x01")
    assert "<script>" not in pictures.svg(figure)
