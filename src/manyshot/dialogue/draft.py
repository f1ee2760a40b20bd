"""A plan -> a first dialogue, in plain words of the flow and of the tools.

The one rule: everything in a draft is true; that it sounds like people is for the expert.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from manyshot.dialogue.changes import Change, changes, expected_of, snapshot
from manyshot.dialogue.company import Company, written_out
from manyshot.dialogue.exact import write_observation
from manyshot.dialogue.plan import Done, Plan, Pools, plan
from manyshot.dialogue.wording import complete
from manyshot.flow.paths import Path
from manyshot.flow.steps import Ask, CallTool, End, Flow, Handoff, Say, Step
from manyshot.oneline import show
from manyshot.types import Language, Trajectory, Turn

AUTHOR = "draft"


@dataclass(frozen=True, slots=True)
class _Phrases:
    opening: str
    ask_think: str
    ask: str
    question: str
    call_think: str
    tell_think: str
    tell: str
    end_think: str
    end: str
    bye: str
    hand_think: str
    hand: str
    hand_bye: str
    failed: str
    comma: str


_SAID: dict[Language, tuple[_Phrases, ...]] = {
    "zh": (
        _Phrases(
            "你好，{about}。", "还需要知道{slots}。", "问清{slots}。", "请问{slots}？", "现在需要{what}。",
            "有结果了，要告诉客户。", "告诉客户：{what}", "事情办完了：{what}。", "结束对话：{what}。",
            "好的，{what}。感谢您的来电，再见。", "需要由人工接手：{what}。", "转接人工：{what}。",
            "这件事由人工为您办理，现在为您转接，请稍候。", "系统没有办成。", "，",
        ),
        _Phrases(
            "您好，我想{about}。", "客户还没有说{slots}，先问。", "请客户告知{slots}。", "麻烦告诉我{slots}，好吗？",
            "下一步：{what}。", "把结果如实告诉客户。", "向客户说明：{what}", "流程走完了：{what}。",
            "向客户道别：{what}。",
            "这边已经处理：{what}。有事随时找我们，再见。", "这一步要人来办：{what}。", "请人工接手：{what}。",
            "我把您转给人工同事继续办理，请不要挂断。", "系统没有答复。", "，",
        ),
        _Phrases(
            "在吗，{about}。", "信息不全，缺{slots}。", "向客户了解{slots}。", "请您说一下{slots}，可以吗？",
            "按流程，接下来{what}。", "该给客户一个答复了。", "答复客户：{what}", "都办好了：{what}。",
            "收尾，并告知：{what}。",
            "好了，{what}。祝您生活愉快，再见。", "超出我能办的，交给人工：{what}。", "转给人工处理：{what}。",
            "这件事需要同事来处理，我现在就帮您转过去。", "系统暂时不行。", "，",
        ),
    ),
    "en": (
        _Phrases(
            "Hello, {about}.", "I still need {slots}.", "Ask the customer for {slots}.", "May I have {slots}?",
            "Now: {what}.", "There is a result to tell.", "Tell the customer: {what}", "It is done: {what}.",
            "Close the dialogue: {what}.", "Very well: {what}. Goodbye.", "A person has to take over: {what}.",
            "Hand over to a person: {what}.", "A colleague will take care of this; I am putting you through.",
            "The system did not do it.", ", ",
        ),
        _Phrases(
            "Hi, {about}.", "They have not said {slots} yet.", "Find out {slots}.",
            "Could you tell me {slots}, please?",
            "Next step: {what}.", "The customer should know the result.", "Let the customer know: {what}",
            "That was all: {what}.", "Say goodbye: {what}.", "All set: {what}. Have a good day!",
            "This is for a person: {what}.", "Pass it on to a person: {what}.",
            "I will put you through to a colleague who can help; please hold the line.",
            "The system gave no answer.", ", ",
        ),
        _Phrases(
            "Good day, {about}.", "Missing so far: {slots}.", "Request {slots} from the customer.", "What is {slots}?",
            "By the flow it is time to: {what}.", "Time to answer the customer.", "Answer the customer: {what}",
            "Finished: {what}.", "End here: {what}.", "Done: {what}. Thanks for calling, goodbye.",
            "Beyond what I may do: {what}.", "Transfer to a human colleague: {what}.",
            "One of my colleagues has to look at this. I am transferring you now.", "The system is not working.", ", ",
        ),
    ),
}  # fmt: skip
#: Ways in which a draft can be worded.
STYLES = 3


def draft(path: Path, company: Company, pools: Pools, name: str, seed: int = 0) -> Trajectory | None:
    """A first shot of a path; None when no values lead along it in this world."""
    found = plan(path, company, pools, seed)
    return worded(found, company, name) if found is not None else None


def worded(planned: Plan, company: Company, name: str, style: int = 0) -> Trajectory:
    """A plan in words; `style`: one of STYLES."""
    writer = _Writer(planned, company, style)
    writer.run()
    return Trajectory(
        id=name, flow=planned.path.flow, path=planned.path.id, author=AUTHOR, setup=planned.setup,
        turns=tuple(writer.turns), expected=expected_of(_changes(planned, company)),
    )  # fmt: skip


def _changes(planned: Plan, company: Company) -> list[Change]:
    world = company.open(planned.setup)
    before = snapshot(world)
    for done in planned.done:
        if done.call is not None:
            world.call(done.call)
    return changes(before, world.state())


@dataclass(slots=True)
class _Writer:
    plan: Plan
    company: Company
    style: int
    turns: list[Turn] = field(default_factory=list)
    #: What is to be said with the next question, so that the assistant does not speak twice.
    held: str = ""

    @property
    def flow(self) -> Flow:
        return self.company.flows[self.plan.path.flow]

    @property
    def words(self) -> _Phrases:
        return _SAID[self.company.context.language][self.style]

    def add(self, role: Any, text: str, **more: Any) -> None:
        self.turns.append(Turn(role=role, text=" ".join(text.split()), **more))

    def run(self) -> None:
        steps = self.plan.walk.steps
        about = self.flow.about or self.flow.name
        self.add("user", self.words.opening.format(about=about.removeprefix("客户")))
        for n, (step, done) in enumerate(zip(steps, self.plan.done, strict=True)):
            self._step(step, done, steps[n + 1] if n + 1 < len(steps) else None)

    def _step(self, step: Step, done: Done, then: Step | None) -> None:
        words, comma = self.words, self.words.comma
        match step:
            case Ask():
                slots = comma.join(self._about(slot) for slot in step.slots)
                question = str(written_out(step.text, self._shown(done))) or words.question.format(slots=slots)
                self.add("think", words.ask_think.format(slots=slots))
                self.add("action", words.ask.format(slots=slots))
                self.add("reply", f"{self.held}{question}")
                self.held = ""
                self.add("user", comma.join(self._answer(slot, done) for slot in step.slots))
            case CallTool():
                self._call(step, done)
            case Say():
                text = str(written_out(step.text, self._shown(done)))
                if isinstance(then, Ask):
                    self.held = text if self.company.context.language == "zh" else f"{text} "
                else:
                    self._close(words.tell_think, words.tell.format(what=text), text)
            case End():
                if self.turns[-1].role != "reply":
                    what = step.outcome
                    self._close(
                        words.end_think.format(what=what), words.end.format(what=what), words.bye.format(what=what)
                    )
            case Handoff():
                before = "" if self.turns[-1].role != "reply" else self._taken_back()
                self._close(
                    words.hand_think.format(what=step.reason), words.hand.format(what=step.reason),
                    before + words.hand_bye,
                )  # fmt: skip
            case _:
                pass

    def _taken_back(self) -> str:
        """What the assistant said last, to be said together with what follows."""
        text = self.turns[-1].text
        del self.turns[-3:]
        return text

    def _close(self, think: str, action: str, reply: str) -> None:
        self.add("think", think)
        self.add("action", action)
        self.add("reply", reply)

    def _call(self, step: CallTool, done: Done) -> None:
        assert done.call is not None
        assert done.answered is not None
        what = _first_clause(self.company.tools[step.tool].tool.description) or step.tool
        before = [turn.text for turn in self.turns if turn.role in ("user", "observation")]
        self.add("think", self.words.call_think.format(what=what))
        action = complete(
            f"{what}。" if self.company.context.language == "zh" else f"{what}.", done.call, self.company, before
        )
        self.add("action", action, call=done.call)
        self.turns.append(Turn(role="observation", text=write_observation(done.answered), answered=done.answered))

    def _about(self, slot: str) -> str:
        return self.flow.slots[slot].about or slot

    def _answer(self, slot: str, done: Done) -> str:
        value = done.values.get(slot)
        if isinstance(value, bool):
            zh = self.company.context.language == "zh"
            return ("是" if value else "不是") if zh else ("yes" if value else "no")
        return self._words(value)

    def _shown(self, done: Done) -> dict[str, Any]:
        return {slot: self._words(value) for slot, value in done.values.items()}

    def _words(self, value: Any) -> str:
        """A value in words: lists one after the other, rows by their values."""
        if isinstance(value, list):
            return ("、" if self.company.context.language == "zh" else ", ").join(map(self._words, value))
        if isinstance(value, dict):
            return " ".join(self._words(part) for part in value.values() if part is not None)
        return value if isinstance(value, str) else show(value)


def _first_clause(text: str) -> str:
    for stop in ("。", ". ", "\n", "."):
        text = text.split(stop)[0]
    return text.strip().rstrip(".。")


__all__ = ["AUTHOR", "STYLES", "draft", "worded"]
