"""docs/the-mail.md: each command it quotes prints what stands under it.

After a change that is meant: the_mail_test.py --update, and read the difference.
"""

import re
import shlex
import sys
import tempfile
import unittest

import program

PAGE = program.SOURCE / "docs/the-mail.md"
BLOCK = re.compile(r"^```\n(\$ .*?)^```$", re.DOTALL | re.MULTILINE)


def commands(block):
    """The commands of a block as they are written, continued lines included."""
    return re.findall(r"^\$ (?:.*\\\n)*.*\n", block, re.MULTILINE)


def run_anew(block, folder):
    text = ""
    for command in commands(block):
        name, *arguments = shlex.split(command[2:].replace("\\\n", " "))
        assert name == "lapicheck", command
        result = program.run(*arguments, cwd=folder)
        assert result.err == "", result.err
        text += command + result.out
    return text


def written_anew(page):
    with tempfile.TemporaryDirectory() as folder:
        return BLOCK.sub(lambda match: f"```\n{run_anew(match[1], folder)}```", page)


class TheMail(unittest.TestCase):
    maxDiff = None

    def test_the_page_shows_what_its_commands_print(self):
        page = PAGE.read_text()
        self.assertGreater(len(BLOCK.findall(page)), 5)
        self.assertEqual(page, written_anew(page))

    def test_it_names_no_sub_command_or_file_that_is_not_there(self):
        for name in re.findall(r"`([a-z_/-]+\.(?:md|hpp|cpp))`", PAGE.read_text()):
            self.assertTrue((program.SOURCE / name).exists(), name)


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        PAGE.write_text(written_anew(PAGE.read_text()))
    else:
        program.main()
