"""How commands end."""

import pytest

from seelike.system.command import carry_out
from seelike.system.errors import InputError


def ends_with(error: BaseException) -> int:
    def work():
        raise error

    return carry_out("name", work, stopped="nothing is lost")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError("seed must be whole"), 2, "name: seed must be whole"),
        (ModuleNotFoundError("no", name="papermill"), 2, "papermill"),
        (KeyboardInterrupt(), 130, "name: stopped; nothing is lost"),
    ],
)
def test_each_end_has_a_code_and_a_sentence(error, code, said, capsys):
    assert ends_with(error) == code
    out, err = capsys.readouterr()
    assert not out and said in err and err.count("\n") == 1


def test_a_code_of_its_own_is_kept_and_the_unforeseen_is_raised():
    assert carry_out("name", lambda: 1, "") == 1 and carry_out("name", lambda: None, "") == 0
    with pytest.raises(ZeroDivisionError):
        ends_with(ZeroDivisionError())
