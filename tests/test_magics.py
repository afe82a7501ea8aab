"""The magics in a real shell: what they do, what they show, what they leave behind."""

import subprocess
import sys
import traceback

import pytest
from IPython.core.interactiveshell import InteractiveShell

import imgmagic
from imgmagic import CellError, HistoryError, SettingsError


def test_imagine_refine_and_rollback(cells, azure):
    cells("%%imagine\nA beautiful beach.")
    cells("%%refine\nA deeper blue.")
    assert cells("%rollback").value[0].number == 1
    assert cells.history.current.number == 1
    assert [call.path.rsplit("/", 1)[1] for call in azure.calls] == ["generations", "edits"]


@pytest.mark.parametrize(
    ("code", "pictures"),
    [
        ("%imagine a cat", 1),
        ("%%imagine\na cat", 1),
        ("%imagine a cat\n1 + 1", 1),
        ("for x in 'abc':\n    %imagine cat {x}", 3),
        ("def make(x):\n    %imagine cat {x}\nmake(1); make(2)", 2),
        ("def make(x):\n    return get_ipython().run_line_magic('imagine', 'cat')\nmake(1)", 1),
        ("x = %imagine a cat", 1),
        ("x = %imagine a cat\nx", 1),
        ("from IPython.display import display\nx = %imagine a cat\ndisplay(x)", 1),
        ("%imagine a cat\n%refine bluer", 2),
        ("%imagine -n 3 a cat", 1),
        ("%imagine -o hero a cat", 1),
        ("if True:\n    %imagine a cat", 1),
    ],
)
def test_every_call_shows_its_pictures_exactly_once(cells, azure, code, pictures):
    ran = cells(code)
    assert len(ran.pictures) == pictures


def test_a_result_shows_itself_again_in_a_later_cell(cells, azure):
    assert len(cells("x = %imagine a cat").pictures) == 1
    assert len(cells("x").pictures) == 1
    assert len(cells("from IPython.display import display\ndisplay(x[0])").pictures) == 1


def test_a_python_call_shows_nothing_by_itself(cells, azure):
    assert cells("import imgmagic\ng = imgmagic.imagine('a cat')").pictures == []
    assert len(cells("g").pictures) == 1


def test_several_pictures_show_side_by_side_with_one_alternative(cells, azure):
    (bundle,) = cells("%imagine -n 3 a cat").pictures
    assert bundle["text/html"].count("<img ") == 3


def test_output_binds_a_picture_or_several(cells, azure):
    cells("%imagine -o one a cat")
    cells("%imagine -n 2 -o two a cat")
    assert cells("one.number, [each.number for each in two]").value == (1, [2, 3])


def test_save_writes_the_originals(cells, azure, tmp_path):
    cells("%imagine -n 3 --save cat.png a cat")
    names = ["cat.png", "cat-2.png", "cat-3.png"]
    assert [(tmp_path / name).read_bytes() for name in names] == [each.bytes for each in cells.history]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nosuch/cat.png", "the folder nosuch does not exist"),
        ("cat.jpg", "the picture will be png"),
        ("cat.tiff", "the picture will be png"),
        (".", "it is a folder"),
    ],
)
def test_a_place_that_cannot_be_saved_to_is_known_before_anything_is_sent(cells, azure, target, words):
    assert words in str(cells(f"%imagine --save {target} a cat", fails=True).error)
    assert azure.calls == []


def test_variables_of_the_caller_come_before_those_of_the_notebook(cells, azure):
    cells("colour = 'red'\ndef make(colour):\n    %imagine a {colour} cat\nmake('green')\n%imagine a {colour} cat")
    assert [each.prompt for each in cells.history] == ["a green cat", "a red cat"]
    assert cells.history[1].generation.typed == "a {colour} cat"


def test_a_typo_in_a_variable_sends_nothing(cells, azure):
    error = cells("style = 'oil'\n%imagine in {styl}", fails=True).error
    assert isinstance(error, CellError)
    assert azure.calls == []


def test_start_is_the_same_for_every_turn_of_a_loop(cells, azure):
    cells("%imagine a cat")
    cells("for s in ['oil', 'ink']:\n    %refine --from @start in {s}")
    assert [each.number for each in cells.history.children(1)] == [2, 3]


def test_start_in_the_first_cell_is_what_the_session_goes_on_with(cells, azure, tmp_path, monkeypatch):
    notebook = tmp_path / "a.ipynb"
    notebook.write_text("{}")
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook))
    imgmagic.Studio(home=".imgmagic", session=str(notebook)).imagine("a cat")
    ran = cells("%refine --from @start in oil")
    assert cells.history[2].parent.number == 1
    assert "continuing from #1, last used" in ran.text
    assert "continuing" not in cells("%refine again").text


def test_from_takes_every_kind_of_ref(cells, azure):
    cells("%imagine --label hero a cat")
    cells("%refine bluer")
    for ref, parent in [("hero", 1), ("#2", 2), ("2", 2), ("@~1", 2), ("@", 6), (".1", 7)]:
        cells(f"%refine --from {ref} again")
        assert cells.history[-1].parent.number == parent, ref


def test_pick_goes_anywhere_and_shows_it(cells, azure):
    cells("%imagine -n 2 a cat")
    assert len(cells("%pick .2").pictures) == 1
    assert cells.history.current.number == 2
    assert "Which picture?" in str(cells("%pick", fails=True).error)


def test_rollback_run_again_in_its_own_cell_stays(cells, azure):
    cells("%imagine a cat")
    cells("%refine one")
    cells("%refine two")
    assert cells("%rollback", cell_id="r").value[0].number == 2
    assert cells("%rollback", cell_id="r").value[0].number == 2
    assert cells("%rollback", cell_id="other").value[0].number == 1
    cells("%pick 3")
    assert cells("%rollback", cell_id="r").value[0].number == 2


def test_two_rollbacks_in_one_cell_are_two_steps(cells, azure):
    cells("%imagine a cat")
    cells("%refine one")
    cells("%refine two")
    cells("%rollback\n%rollback", cell_id="r")
    assert cells.history.current.number == 1


def test_without_cell_ids_every_rollback_is_a_step(cells, azure):
    cells("%imagine a cat")
    cells("%refine one")
    cells("%refine two")
    cells("%rollback")
    cells("%rollback")
    assert cells.history.current.number == 1


def test_cell_id_and_position_are_stored(cells, azure):
    cells("%imagine a cat\n%refine bluer", cell_id="c1")
    cells("%%capture\n%refine redder", cell_id="c2")
    sites = [(each.generation.cell_id, each.generation.position) for each in cells.history]
    assert sites == [("c1", 0), ("c1", 1), ("c2", 0)]


# --- what IPython must be taught ---


@pytest.mark.parametrize(
    ("code", "prompt"),
    [
        ("%%imagine a cat in one line", "a cat in one line"),
        ("%%imagine a cat in one line\n\n  \n", "a cat in one line"),
        ("%imagine what is a cat?", "what is a cat?"),
        ("%imagine what is a cat??", "what is a cat??"),
        ("x = %imagine what is a cat?", "what is a cat?"),
        ("%imagine\u3000海の絵", "海の絵"),
        ("%%imagine\u3000\n海の絵", "海の絵"),
        ("%%imagine\u3000海の絵", "海の絵"),
        ("if True:\n    %imagine\u3000海の絵", "海の絵"),
        ("%imagine it's a cat's (house", "it's a cat's (house"),
        ("%imagine $5 and $HOME", "$5 and $HOME"),
        ('%imagine "quoted"', '"quoted"'),
        ("%imagine trailing \\ backslash", "trailing \\ backslash"),
        ("%%imagine\n  first\n\n  second  \n", "first\n\n  second"),
        ("%%imagine\nwhat is a cat?", "what is a cat?"),
        ("%%imagine\n%imagine is a magic\n!ls", "%imagine is a magic\n!ls"),
        ("%%imagine -n 1\n--raw is no option here", "--raw is no option here"),
    ],
)
def test_a_prompt_arrives_as_typed(cells, azure, code, prompt):
    ran = cells(code)
    assert cells.history.current.prompt == prompt
    assert "not found" not in ran.printed  # what the help prints
    assert azure.calls[-1].json["prompt"] == prompt


@pytest.mark.parametrize("code", ["x = '''\n%imagine a cat?\n'''", "# %imagine why?\nx = '%imagine a cat?'"])
def test_strings_and_comments_stay_untouched(cells, azure, code):
    cells(code)
    assert azure.calls == []
    assert cells("x").value in {"\n%imagine a cat?\n", "%imagine a cat?"}


def test_the_bodies_of_other_cell_magics_stay_untouched(cells, azure):
    assert cells("%%writefile note.txt\n%imagine a cat?\n%%refine x").error is None
    assert azure.calls == []


def test_help_still_opens_and_says_what_dash_h_says(cells):
    usage = cells("%imagine -h").text
    assert usage.startswith("usage: %imagine [options] prompt")
    assert usage == cells.shell.find_line_magic("imagine").__doc__
    assert usage in str(cells.shell.object_inspect_mime("%%imagine")["text/plain"])


# --- settings ---


def test_a_cell_beats_config_which_beats_the_environment(cells, azure, monkeypatch):
    monkeypatch.setenv("IMGMAGIC_QUALITY", "high")
    cells("%imagine a cat")
    cells("%config ImgMagic.quality = 'low'")
    cells("%imagine a cat")
    cells("%imagine -q medium a cat")
    assert [call.json["quality"] for call in azure.calls] == ["high", "low", "medium"]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("size = '10by10'", "size = '10by10' does not work"),
        ("quality = 'best'", "quality = 'best' does not work"),
        ("engine = 'dalle'", "engine = 'dalle' does not work"),
        ("preview_px = 5", "a number from 64 to 1024"),
        ("timeout_s = 'soon'", "timeout_s = 'soon' does not work"),
        ("prices = {'a': 'nothing'}", "neither a known model nor three numbers"),
        ("compare = 'perhaps'", "True or False"),
    ],
)
def test_a_rejected_setting_fails_the_next_call_until_it_is_mended(cells, azure, setting, words):
    cells(f"%config ImgMagic.{setting}")
    for _ in range(2):
        error = cells("%imagine a cat", fails=True).error
        assert isinstance(error, SettingsError)
        assert words in str(error)
    assert azure.calls == []
    cells(f"%config ImgMagic.{setting.split()[0]} = None")
    cells("%imagine a cat")


@pytest.mark.filterwarnings("ignore:Config option")
def test_an_unknown_setting_fails_the_next_call(cells, azure):
    cells("%config ImgMagic.sise = 'auto'")
    error = cells("%imagine a cat", fails=True).error
    assert "no 'sise'" in str(error)
    assert "size" in str(error)
    cells("%imagine a cat")


def test_a_bad_variable_names_itself(cells, azure, monkeypatch):
    monkeypatch.setenv("IMGMAGIC_PREVIEW_PX", "huge")
    assert "IMGMAGIC_PREVIEW_PX = 'huge'" in str(cells("%imagine a cat", fails=True).error)


def test_config_lists_the_settings(cells):
    listed = cells("%config ImgMagic").printed
    assert "ImgMagic.preview_px" in listed
    assert "Longest edge in pixels" in listed


def test_the_environment_is_read_again_at_every_call(cells, azure, monkeypatch):
    cells("%imagine a cat")
    monkeypatch.setenv("AZURE_OPENAI_DEPLOYMENT_NAME", "img-old")
    cells("%imagine a cat")
    assert [each.model for each in cells.history] == ["img-dep", "img-old"]


def test_a_half_set_environment_names_what_is_missing_and_never_falls_back(cells, monkeypatch):
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://example.openai.azure.com")
    monkeypatch.setenv("AZURE_OPENAI_KEY", "abc")
    error = str(cells("%imagine a cat", fails=True).error)
    assert "AZURE_OPENAI_DEPLOYMENT_NAME" in error
    assert "AZURE_OPENAI_KEY is set: did you mean AZURE_OPENAI_API_KEY?" in error
    assert "%config ImgMagic.engine = 'sketch'" in error
    cells("%config ImgMagic.engine = 'sketch'")
    assert cells("%imagine -s 256x256 beach").value[0].engine == "sketch"


def test_the_status_table_says_what_is_set_and_never_the_key(cells, azure):
    ran = cells("%imgmagic")
    assert "127.0.0.1" in ran.text
    assert "img-dep  (AZURE_OPENAI_DEPLOYMENT_NAME)" in ran.text
    assert "set  (AZURE_OPENAI_API_KEY)" in ran.text
    assert "test-key" not in ran.text + ran.html


def test_the_status_table_shows_what_is_wrong_instead_of_failing(cells, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "not a url")
    assert "OPENAI_BASE_URL is not a usable URL" in cells("%imgmagic").text


def test_check_and_unknown_subcommands(cells, azure):
    cells("%imagine a cat")
    assert "All is well: 1 picture," in cells("%imgmagic check").text
    cells.history[1].path.write_bytes(b"x")
    assert "#1: The picture's file was changed" in cells("%imgmagic check").text
    assert "no 'chekc'" in str(cells("%imgmagic chekc", fails=True).error)


# --- failing ---


def test_refining_without_a_picture_says_to_imagine_first(cells):
    error = cells("%refine bluer", fails=True).error
    assert isinstance(error, HistoryError)
    assert "%%imagine" in str(error)
    assert "%%imagine" in str(cells("%rollback", fails=True).error)


def test_our_errors_show_one_paragraph_as_a_list_of_strings(cells):
    error = cells("%refine bluer", fails=True).error
    shown = error._render_traceback_()
    assert isinstance(shown, list)
    assert all(isinstance(line, str) and "\n" not in line for line in shown)
    assert "File" not in "".join(shown)


def test_a_failed_call_leaves_what_was_there(cells, azure):
    cells("%imagine a cat")
    cells("%imagine forbiddenword", fails=True)
    assert cells.history.current.number == 1
    assert len(cells.history) == 1
    assert cells.history.check() == []


def test_a_bug_shows_its_whole_traceback(cells, azure, monkeypatch):
    monkeypatch.setattr("imgmagic.engines.wire.encode", lambda *_: 1 / 0)
    error = cells("%imagine a cat", fails=True).error
    assert isinstance(error, ZeroDivisionError)
    assert any("rest.py" in frame.filename for frame in traceback.extract_tb(error.__traceback__))


# --- loading and unloading ---


def traces(shell):
    return {
        "line": set(shell.magics_manager.magics["line"]),
        "cell": set(shell.magics_manager.magics["cell"]),
        "registry": set(shell.magics_manager.registry),
        "configurables": {type(each).__name__ for each in shell.configurables},
        "cleanup": list(shell.input_transformers_cleanup),
        "tokens": list(shell.input_transformer_manager.token_transformers),
        "matchers": list(shell.Completer.custom_matchers),
        "before": list(shell.events.callbacks["pre_run_cell"]),
        "after": list(shell.events.callbacks["post_run_cell"]),
        "config": dict(shell.config),
    }


def test_unload_leaves_no_trace(azure):
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.run_cell("%config IPCompleter\n%pinfo list")  # IPython registers some of its own on first use
    before = traces(shell)
    shell.run_cell("%load_ext imgmagic")
    assert traces(shell) != before
    shell.run_cell("%config ImgMagic.quality = 'low'\n%imagine a cat")
    shell.run_cell("%unload_ext imgmagic")
    assert traces(shell) == before
    InteractiveShell.clear_instance()


def test_loading_again_registers_nothing_twice(cells, azure):
    cells("%reload_ext imgmagic")
    cells("%reload_ext imgmagic")
    cells("%imagine a cat", cell_id="c")
    assert cells.history[1].generation.position == 0
    assert len([each for each in cells.shell.configurables if type(each).__name__ == "ImgMagic"]) == 1


def test_loading_and_calling_in_one_cell_works(azure):
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    result = shell.run_cell("%load_ext imgmagic\n%imagine a cat")
    result.raise_error()
    assert imgmagic.history.current.number == 1
    InteractiveShell.clear_instance()


def test_a_cell_that_contains_the_key_is_warned_about(cells, azure, monkeypatch):
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "sk-recognisable-0123456789")
    with pytest.warns(UserWarning, match="contains your key"):
        cells("%imagine a cat with sk-recognisable-0123456789", fails=True)


def test_a_blank_from_a_web_page_separates_too(cells, azure):
    cells("%imagine\xa0a cat")
    assert cells.history.current.prompt == "a cat"


@pytest.mark.parametrize("magic", ["pick", "rollback", "imgmagic"])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_magic_explains_itself(cells, magic, flag):
    assert f"%{magic}" in cells(f"%{magic} {flag}").text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT is not"),
        ("AZURE_OPENAI_DEPLOYMENT_NAME", "AZURE_OPENAI_ENDPOINT is not"),
        ("OPENAI_KEY", "did you mean OPENAI_API_KEY?"),
        ("AZURE_OPENAI_ENDPONT", "did you mean AZURE_OPENAI_ENDPOINT?"),
    ],
)
def test_a_service_that_was_probably_meant_is_named_once(cells, monkeypatch, name, words):
    monkeypatch.setenv(name, "something")
    assert words in cells("%imagine -s 256x256 a beach").text
    assert words not in cells("%imagine -s 256x256 a beach").text
    assert words in cells("%imgmagic").text
    assert words in cells("%imgmagic doctor").text


def test_half_a_character_from_a_server_is_shown_as_a_question():
    assert "\ud800" not in str(imgmagic.errors.printable("bad \ud800 x"))
    assert imgmagic.errors.printable("hello there\r\n") == "hello there"


def test_a_file_that_cannot_be_written_after_all_does_not_hide_the_picture(cells, azure, tmp_path):
    class Meanwhile:
        """Puts a folder where the file was to go, while the picture is being made."""

        def answer(self, usual, _host, /):
            (tmp_path / "cat.png").mkdir()
            return usual()

    azure.script = [Meanwhile()]
    ran = cells("%imagine --save cat.png a cat", fails=True)
    assert "cannot be written" in str(ran.error)
    assert "The picture itself is kept: #1." in str(ran.error)
    assert len(ran.pictures) == 1
    assert cells.history.current.number == 1


def test_the_status_table_does_not_bring_requests_along(tmp_path):
    code = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance(); shell.run_line_magic('load_ext', 'imgmagic')\n"
        "shell.run_line_magic('imgmagic', ''); print('requests' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize("line", ["-h", "forget -h", "record --help"])
def test_the_help_of_a_subcommand_is_that_of_the_magic(cells, line):
    assert "`%imgmagic check`" in cells(f"%imgmagic {line}").text


def test_a_retake_of_nothing_says_what_there_is_to_do(cells):
    error = cells("%retake", fails=True).error
    assert "no picture to make again" in str(error)


def test_params_that_are_no_dict_are_refused(tmp_path):
    with pytest.raises(CellError, match="params is int, not a dict"):
        imgmagic.Studio(tmp_path, engine="sketch").imagine("a beach", params=3)
