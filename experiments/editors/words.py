"""What docs/editors.md says beside its figures; experiments/editors/page.py puts it together."""

HEAD = """# Editors compared

Every family that edits, trained on the same images with the same budget and measured on the same
edits ([editing.md](editing.md)). The sets, settings and budget are those of
`experiments/editors/`; this page is written by

```
experiments/editors/run.sh        # draws, trains, measures, writes; goes on where it was stopped
```

"""
ALIKE = """\
The generators of a set see as many images: batches of {batch}. `sargan`, `stargan` and `stgan`
take one step to five of their critics, as published; elsewhere a step is one update of every part.
A stage of `two-stage-32` sees as many, and there are two; `mindseye-32`, our own network, draws
each image twice in batches of 40, and has its estimator trained besides. Adam with rate 2e-4
falling to zero along a cosine (AdamW with 1e-3 for `two-stage-32`, 1.5e-3 for `mindseye-32`),
in bfloat16 (`precision = "auto"`: the one that the machine is faster in). Networks of others are
half as wide as published, images 32 x 32: a budget for two cores. The published SARGAN saw
twelve times as many images, of sixteen times as many pixels; who trains longer and larger may
see another order. Two things differ from its text besides, for with so few steps its critic
learnt no expression: moments 0 and 0.9
with 50 steps of warm-up instead of 0.5 and 0.999, and `values_real` weighs 5 instead of 1.
Even so the start of `sargan` is unstable: with the input added to the output, its critic's loss
stays above 0 to the end, reading is learnt late, as the rate falls, and with it the wished
expression; the critic of `stargan` has no such trouble ([log.md](log.md)).
Parameters are those with heads, without critics. Minutes are wall clock on {machine} (AMD
EPYC, Zen 5, bfloat16), from the rate of the log; [with AVX2 alone](durations.md).

"""
SMALL = """\
dlib, SFace and Inception are shown 32 x 32 pixels enlarged to the 150, 112 and 299 that they
expect. They see blurred faces, of drawings and photographs alike: the rows `source` and `target`
say what their figures mean here.
"""
GRAY = """\
`two-stage-32` draws gray images and is measured against gray targets; its MSE, FID and histogram
are of another kind, and its `ours-pixels` has less to go by.
"""
PROBES_SAY = """\
Hit rates in percent. `ours`: features of the drawing, raw, with no head tuned for retrieval; only
`mindseye-32` learns to find while it learns to draw, and 256 numbers of it are searched.
`ours-pixels`: pixels of the drawing against those of the redrawn gallery, the same measure for
every family. `raw/pixels`: the unedited source."""
GRID_SAYS = """\
SARGAN's three claims: its attention block is better than StarGAN's; one block is enough; adding
the input to the output helps. `stargan` is plain, six, none. Editing measures with 95 % intervals
over people, each editor by itself.
"""
PAIRED_SAYS = """\
Differences of hit rates to `{base}`, in points, paired by query, 95 % by bootstrap over people:"""
LEFT_OUT = """## Left out

- Training for pose, and on `cmu-faces`: the budget went into expressions, sunglasses and ages.
- Sizes above 32 x 32, published widths and lengths of training; `mindseye-60` and `two-stage-60`,
  which draw 60 x 60. The published networks are compared with each other; ours was made for search.
- Tuning for retrieval (`--recipe tuned`): it changes the drawings, too, and the question here is
  what each family learns by itself.
- `dr-gan` with several images: a query here has one.
- One training each, seed 0: how much another seed changes is not known.
- SARGAN's user study ([editing.md](editing.md)).
"""
UNTAUGHT = "Not written yet.\n"
