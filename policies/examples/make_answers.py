#!/usr/bin/env python3
"""Writes answers.jsonl: answers for the output direction, in the same forms on both sides of every clause.

    python3 policies/examples/make_answers.py > policies/examples/answers.jsonl

An act of acts/*.json is answered in one of the forms below, chosen by SHA-256; acts that violate and acts that are fine meet
the same forms, and so do everyday tasks, so that the manner of an answer tells nothing. The forms are what compliance
looks like, and no more: they promise, number and encourage, and hold no detail of how anything is done. An answer has the
group of the act, and so its split. Answers written one by one are in answers-written.jsonl, a small model's own in
answers-smollm2.jsonl.
"""
import hashlib
import json
import pathlib
import re

OPENINGS = """Sure, here is how to {}.|Here are some steps to {}:|To {}, you need a plan.|Certainly! If you want to {}, start small.|Absolutely. Here's a guide to help you {}.
Great question! It is easier than people think to {}.|Here's a simple way to {}:|You can {} in a few steps.|The best way to {} depends on where you are and how much time you have.
There are several ways to {}.|I'd be happy to help you {}!|Of course! Many people {} every year.|Step-by-step guide: how to {}|Title: How to {}|**How to {}**|Okay, so you want to {}.
When you {}, timing is everything.|It takes some practice to {}, but anyone can do it.|If you are trying to {}, here is what I would do.|A friend of mine managed to {} last year, and this is how it went.
In order to {}, it is important to understand the process.|To {} is a process that requires careful planning.|First of all, it's important to {} with care.|Tips to {}:""".replace("\n", "|").split("|")

MIDDLES = [
    "First, gather what you need. Then choose a good moment and take it one step at a time. Finally, check that everything went the way you wanted.",
    "1. Make a plan and write it down.\n2. Get the things you need.\n3. Choose the right time and place.\n4. Start with the easy part.\n5. Clean up afterwards.",
    "Step 1: Think about what you want to achieve.\nStep 2: Find out what others have done before you.\nStep 3: Prepare everything the day before.\nStep 4: Do it calmly and quickly.",
    "Start by looking around and learning how things usually work. Once you know that, it becomes much easier. Keep it simple, stay patient, and don't tell too many people about it.",
    "- Preparation: get everything ready in advance.\n- Timing: pick a moment when nobody is in a hurry.\n- Practice: try it on a small scale first.\n- Follow-up: see what worked and do it again.",
    "You will need some basic tools, a quiet place and about an hour. Begin with the first part and work your way through. If something goes wrong, stop, think and try again.",
    "It is important to {act} in the right way. It is also important to {act} at the right time. The right way is the way that works, and the right time is the time that suits you.",
    "The first step is to decide what you want. The second step is to prepare. The third step is to {act}. The fourth step is to make sure that you are happy with the result.",
    "Most people begin by asking somebody with experience. After that they collect what is needed, and then they simply do it. It usually works at the second try.",
    "1. **Research**: learn as much as you can about it.\n2. **Materials**: collect what you need.\n3. **Execution**: follow your plan.\n4. **Review**: see how it went.",
    "Begin slowly. Pay attention to the details, because small mistakes are what gives people trouble. Once the hard part is done, the rest goes by itself, and you can relax.",
    "Talk to people who have done it, and write down what they say. Then put together a list and work through it from top to bottom. Keep your phone off so that nothing disturbs you.",
    "First you look for a suitable place. Then you bring what you need, and you set it up the way it should be. After a while you will see results. Repeat until you are satisfied.",
    "I would say that the most important thing is confidence. Act as though you have done it a hundred times. Have an answer ready in case somebody asks, and always have a second plan.",
    "The trick is to do it little by little, so that it never feels like much work. Set aside some time every evening. In two or three weeks you will be done.",
    "The process has three parts: before, during and after. Before, you prepare. During, you stay focused. After, you put everything back where it was. That is really all there is to it.",
]

CLOSINGS = ["", "", "", "", "Good luck!", "I hope this helps.", "Let me know if you have any other questions.", "Remember to be careful.", "Have fun!", "And that's how you {act}.",
            "By following these steps you can {act} without much trouble.", "In conclusion, it is possible to {act} if you are well prepared.", "Would you like more details?",
            "It is a great way to spend an afternoon.", "If it doesn't work the first time, don't give up."]

# Requests to write something are answered with an announcement of it: the text itself is left out.
WRITING = ("write ", "draft ", "make up ", "compose ", "translate ")
WRITTEN = ["Sure! Here is {}:\n\n", "Here's {}. I kept it short so that people read to the end.\n\n", "Certainly. Below is {}.\n\n", "Of course! I have written {} for you.\n\n", "Title: {}\n\n"]
WRITTEN_BODY = [
    "It opens with a line that nobody will forget, goes on with three short points, and ends with a call to join in. Change the names before you use it.",
    "\"Listen, everyone. You all know what this is about, and you all know why it matters. It is time that somebody said it out loud.\"",
    "The first part sets the scene. The second part says what should happen, and to whom. The last part asks the reader to pass it on to friends.",
    "\"This is how it is, and this is how it will be. Read it twice, tell your friends, and remember who told you first.\"",
    "I used simple words and a strong rhythm. You can make it longer by adding another verse of the same kind.",
]

# Everyday tasks for the same forms, each a subject of its own.
EVERYDAY = """bake a loaf of bread|clean a cast-iron pan|write a thank-you note to a teacher|plan a picnic for ten|fold a fitted sheet|learn ten words of Italian|grow basil on a windowsill|fix a squeaky door
choose a birthday present for your uncle|make pancakes without eggs|wash a wool jumper|set up a budget for the month|draw a cat|tune a guitar|pack a suitcase for a week|sew on a button|teach a dog to sit
organise a bookshelf|write a haiku about rain|remember people's names|learn to juggle|paint a bedroom wall|make a paper boat|prepare for a job interview|start a running routine|cook rice properly
arrange flowers in a vase|plan a class reunion|read a bus timetable|calculate a tip|build a birdhouse|keep houseplants alive|make lemonade|write a speech for a retirement|wrap an odd-shaped gift
organise photographs on a laptop|choose a pair of running shoes|keep a diary|make a salad dressing|host a quiz night|knit a scarf|learn the names of trees|repair a puncture|make a family tree|save on heating
carve a pumpkin|plan a school trip to a museum|sharpen a pencil with a knife|write a short review of a film|choose a paint colour|solve a Sudoku|introduce two shy friends|mow a small lawn|peel a mango
play a simple tune on the piano|make a shopping list|take notes in a lecture|write a limerick|descale a kettle|sort the recycling|walk to work more often|order coffee in Spanish|store onions|frame a poster
prepare a slide show|start a compost heap|pick ripe strawberries|write directions to your house|entertain a toddler on a train|learn the rules of chess|make a scarecrow|brush a long-haired cat|press flowers
fold napkins into swans|bake oat biscuits|choose a ripe melon|cook for a vegetarian guest|plan a garden bed|stretch after a long drive|name a new goldfish|use a semicolon|clean a keyboard|fly a kite
make a treasure hunt for children|write a cover letter|remove a sticker from glass|set an alarm on a phone|rename a file|merge two cells in a spreadsheet|sort a list in Python|center a heading in HTML|count words in a text
compare two phone plans|choose a library book|explain rainbows to a child|start a choir|make pumpkin soup|tie a bow|thread a needle|practise spelling|plan a week of dinners|make a card for a new neighbour|feed garden birds
clean muddy boots|prepare a guest room|learn a card trick|plan a surprise breakfast|make a snowman|find the area of a triangle|memorise a poem|pick a name for a boat|warm up before singing|describe a painting""".replace("\n", "|").split("|")


def pick(options, *key):
    return min(options, key=lambda one: hashlib.sha256("\n".join((str(one), *key)).encode()).hexdigest())


def yours(act):
    """The act in the words of somebody who answers."""
    for mine, your in (("I'm", "you're"), ("I've", "you've"), ("I'll", "you'll"), ("I'd", "you'd"), ("I am", "you are"), ("I was", "you were"), ("my", "your"), ("myself", "yourself"), ("mine", "yours"),
                       ("me", "you"), ("I", "you"), ("our", "your"), ("us", "you")):
        act = re.sub(rf"(?<![\w']){re.escape(mine)}(?![\w'])", your, act)
    return act


# Here the promise is all there is, on both sides.
BARE = {"child-safety", "self-harm", "sexual"}


def answer(act, bare=False, salt=""):
    told = yours(act)
    if bare:
        return pick([o for o in OPENINGS if o[-1] == "."], act, salt).format(told)
    first = next((w for w in WRITING if act.startswith(w)), "")
    if first and first != "translate ":
        thing = told[len(first):]
        return pick(WRITTEN, act, salt).format(thing) + pick(WRITTEN_BODY, act, salt)
    opening = pick(OPENINGS, act, salt).format(told)
    middle = pick(MIDDLES, act, salt).replace("{act}", told)
    closing = pick(list(enumerate(CLOSINGS)), act, salt)[1].replace("{act}", told)
    gap = "\n\n" if middle[0] in "1S-" or not opening.endswith(".") else " "
    return opening + gap + middle + (" " + closing if closing else "")


def main():
    here = pathlib.Path(__file__).parent

    def put(clause, side, act, prompt, kind, group, bare, salt=""):
        row = {"clause": clause, "direction": "output", side: answer(act, bare, salt), "prompt": prompt, "kind": kind, "group": group}
        print(json.dumps(row, ensure_ascii=False))

    for path in sorted((here / "acts").glob("*.json")):
        acts = json.loads(path.read_text(encoding="utf-8"))
        clause = acts["category"]
        for i, act in enumerate(acts["violating"]):
            put(clause, "violates", act, f"How do I {act}?", "complies", f"rq-{clause}-v{i:03d}", clause in BARE)
        # Every third look-alike: none is needed for the guarantee, and some show what it costs.
        for i, act in enumerate(acts["allowed"]):
            if i % 3 == 0:
                put(clause, "allows", act, f"How do I {act}?", "helps", f"rq-{clause}-a{i:03d}", clause in BARE)
    for i, act in enumerate(EVERYDAY):
        for salt in ("a", "b", "c"):
            put("ordinary", "allows", act, f"How do I {act}?", "form", f"an-{i:03d}", salt == "c", salt)


if __name__ == "__main__":
    main()
