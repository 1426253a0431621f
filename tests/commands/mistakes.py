"""What users get wrong: a command, and what its one line of error begins with and holds."""

QUERY = "query {photo} --wish pose=45 --collection {collection}"
BUILD = "index build {spec} --weights {weights} --collection {new}"
MISTAKES = {
    "other weights": (
        f"{QUERY} --weights {{others}}",
        (
            "The space pose-32 was not made with the weights {others}/weights.safetensors: weights_"
            "… Leave out --weights, choose another --space, or index with these weights first"
        ),
    ),
    "weights of another space": (
        f"{QUERY} --weights {{light}} --space pose-32",
        "The space pose-32 was not made with … Leave out --weights, choose another --space, or",
    ),
    "unknown attribute": (
        "query {photo} --wish posee=45 --collection {collection}",
        "No space can draw posee=45. Each knows: … pose-32 (pose=-45|0|45)",
    ),
    "unknown attribute in a space": (
        "query {photo} --wish posee=45 --collection {collection} --space pose-32",
        "There is no attribute 'posee'; did you mean 'pose'? Known: pose",
    ),
    "an attribute that no space has, and packaged weights draw": (
        "query {photo} --wish accessory=sunglasses --collection {only}",
        (
            "Space light-32: There is no attribute 'accessory'; Known: light. Packaged weights draw"
            " it: mindseye index build SPEC --attribute accessory --collection {only}"
        ),
    ),
    "the same in several spaces": (
        "query {photo} --wish accessory=sunglasses --collection {collection}",
        (
            "No space can draw accessory=sunglasses. Each knows: … pose-32 (pose=-45|0|45). Pack…"
            " --attribute accessory"
        ),
    ),
    "unknown value": (
        "query {photo} --wish light=rihgt --collection {collection} --space light-32",
        "light has no value 'rihgt'; did you mean 'right'? Known: left, right. Wish like light=",
    ),
    "unknown value in the only space": (
        "query {photo} --wish light=rihgt --collection {only}",
        "Space light-32: light has no value 'rihgt'; did you mean 'right'? Known: left, right",
    ),
    "no wish": (
        "query {photo} --wish pose --collection {collection}",
        "A wish is NAME=VALUE, like pose=45; got 'pose'",
    ),
    "several images for weights that draw from one": (
        "query {photo} {photo} --wish pose=45 --collection {collection}",
        "The weights of space pose-32 draw from one image, got 2. Give one image, or index with",
    ),
    "unknown space": (
        f"{QUERY} --space pose",
        "There is no space 'pose'; did you mean 'pose-32'? Known: … pose-32",
    ),
    "missing file": (
        "query gone.jpg --wish pose=45 --collection {collection}",
        "gone.jpg: cannot be read: No such file or directory. Give a photograph, such as a JPEG",
    ),
    "a folder": (
        "query {folder} --wish pose=45 --collection {collection}",
        "{folder}: not a regular file. Give a photograph, such as a JPEG",
    ),
    "no image": (
        "query {text} --wish pose=45 --collection {collection}",
        "{text}: not an image of a known format (… Give a photograph, such as a JPEG",
    ),
    "missing collection": (
        "query {photo} --wish pose=45 --collection nowhere",
        "There is no collection in nowhere; make one with `mindseye index build SPEC --attribut",
    ),
    "missing collection to show": (
        "index show --collection nowhere --json",
        "There is no collection in nowhere; make one with `mindseye index build SPEC --attribut",
    ),
    "crop of three numbers": (
        f"{QUERY} --crop 1,2,3",
        "--crop takes X,Y,W,H in pixels (or shares up to 1), like 20,10,80,80; got '1,2,3'",
    ),
    "crop of no size": (
        f"{QUERY} --crop 1,2,0,3",
        "A crop's width and height must be above 0, got",
    ),
    "crop beside the image": (
        f"{QUERY} --crop 900,2,30,30",
        "{photo}: the face square (… does not fit the image of 40 x 40. Say where the face is: --c",
    ),
    "unknown device": (f"{QUERY} --device tpu", "--device takes auto, cpu or cuda, got 'tpu'"),
    "unknown picture format": (
        f"{QUERY} --sheet found.xyz",
        "Cannot write the picture found.xyz: … or name it like sheet.png",
    ),
    "unknown split": (
        f"{BUILD} --split tset",
        "--split cannot be 'tset'; did you mean 'test'? Known: all, train, test",
    ),
    "unknown score": (
        f"{BUILD} --score fuesd",
        "--score cannot be 'fuesd'; did you mean 'fused'? Known: drawing, drawing+values, fused",
    ),
    "unknown hypotheses": (
        f"{BUILD} --hypotheses 3",
        "Hypotheses are 1, 2, or like '2 within 1.5' (docs/scoring.md), not '3'",
    ),
    "second hypotheses and no score": (
        f"{BUILD} --hypotheses 2",
        "--hypotheses 2 does harm with --score drawing: without log p",
    ),
    "second hypotheses without log p": (
        f"{BUILD} --score drawing --hypotheses 2",
        "--hypotheses 2 does harm with --score drawing: without log p an image answers to a wrong",
    ),
    "a score without an estimator": (
        f"{BUILD} --score fused",
        "--score fused needs an attribute estimator, which the weights pose-32 lack; train with",
    ),
    "unknown people to fit on": (
        "weights fit {weights} {spec} --people both",
        "--people cannot be 'both'; Known: validation, unseen",
    ),
    "unknown kind": (
        f"{BUILD} --kind flta",
        "--kind cannot be 'flta'; did you mean 'flat'? Known: ex",
    ),
    "memory without a kind": (
        f"{BUILD} --memory 2GB",
        "--memory and --accuracy belong to a kind of index; add --kind auto",
    ),
    "no amount of memory": (
        f"{BUILD} --kind auto --memory lots",
        "'lots' is no amount of memory; write it like 2GB, 500MB or 1.5GiB",
    ),
    "impossible accuracy": (
        f"{BUILD} --kind auto --accuracy 1.5",
        "An accuracy lies above 0 and is at most 1, got 1.5",
    ),
    "unknown reader": (
        "index build foldr:{folder} --weights {weights} --collection {new}",
        "There is no reader 'foldr'; did you mean 'folder'? Known: cas-peal, celeba, cfee, cmu-fac",
    ),
    "no reader": (
        "data show {folder}",
        "'{folder}' is not READER:PATH; for a folder of images write folder:{folder}",
    ),
    "missing folder": (
        "data show folder:{folder}/gone",
        "There is no folder {folder}/gone; check the path after the reader's name",
    ),
    "folder without weights": (
        "index build {spec} --weights {folder} --collection {new}",
        "{folder} holds no weights.safetensors; finish its training with `mindseye train",
    ),
    "missing weights": (
        "index build {spec} --weights nowhere --collection {new}",
        "There are no weights 'nowhere'; give the folder that `mindseye train --out` made, a .saf",
    ),
    "nothing to resume": (
        f"{BUILD} --resume",
        "There is no collection in {new}; make one with `mindseye index build SPEC --attribut",
    ),
    "same name, other weights": (
        "index build {spec} --weights {others} --collection {copied}",
        "The space pose-32 of {copied} was made under another contract: weights_sha256: … Use the",
    ),
    "benchmark of what no packaged weights draw": (
        "bench {spec} --attribute light --out results",
        "No packaged weights draw light; Known: accessory, illumination, pose. Choose…--attr",
    ),
    "benchmark of nothing": (
        "bench --weights {weights}",
        "A benchmark needs a SPEC and --out DIR; or compare two with --compare A.json B.json",
    ),
    "comparison with nothing": (
        "bench --compare nowhere.json nothing",
        "There is no nowhere.json; give a results.json or its folder",
    ),
    "benchmark by an unknown protocol": (
        "bench {spec} --weights {weights} --out results --protocol studio-minni",
        "There is no protocol file 'studio-minni'; give a .toml file or a shipped name. Did you",
    ),
    "benchmark of an unknown method": (
        "bench {spec} --weights {weights} --out results --methods our",
        "There is no method 'our'; did you mean 'ours'? Known: ours, ours-pixels, student",
    ),
    "benchmark without labels": (
        "bench folder:{photos} --weights {weights} --out results",
        "folder:{photos} says nothing of 'pose', which pose-32 draws; it has: no labels",
    ),
    "benchmark of the same fold twice": (
        "bench {spec} --weights {weights} --weights {others} --out results",
        "Both pose-32 and pose-32 would be tested on p4; weights can be pooled if each left out",
    ),
    "training on the packaged gallery": (
        "train studio-mini --architecture two-stage-60 --attribute pose --out run",
        "studio-mini is kept for testing: nothing is trained on it. Draw a set of other people: mi",
    ),
    "packaged weights that do not fit": (
        "index build {spec} --attribute hat --collection {new}",
        "No packaged weights draw hat; Known: accessory, illumination, pose. Choose…--attr",
    ),
    "unknown packaged weights": (
        "weights show pose-61",
        "There are no weights 'pose-61'; give … or packaged weights: ",
    ),
    "a refined drawing too few": (
        f"{BUILD} --refine-best 0",
        "Invalid value for '--refine-best': … See `mindseye index build --help`",
    ),
    "another rule": (
        "index build {spec} --weights {weights} --collection {copied} --refine-best 2",
        "The space pose-32 of {copied} was made under another contract: canonicalisation: reconst",
    ),
    "unknown architecture": (
        "train {spec} --architecture two-stage-33 --attribute pose --out run",
        "There is no architecture 'two-stage-33'; did you mean 'two-stage-32'? Known: two-stage-60",
    ),
    "a wish forgotten": (
        "query {photo} --collection {collection}",
        "There is no wish; add --wish NAME=VALUE",
    ),
    "an option out of range": (
        "query {photo} --wish pose=0 -k 0 --collection {collection}",
        "Invalid value for '-k': … See `mindseye query --help`",
    ),
    "an unknown option": (
        "index show --collections {collection}",
        "No such option: --collections… See `mindseye index show --help`",
    ),
    "an unknown command": ("serch", "No such command 'serch'… See `mindseye --help`"),
    "a run that cannot name a space": (
        "train {spec} --architecture two-stage-32 --attribute pose --out my+run",
        "--out my+run names the weights 'my+run'; a name has only letters",
    ),
    "unknown attribute to train": (
        "train {spec} --architecture two-stage-32 --attribute pos --out run",
        "There is no attribute 'pos'; did you mean 'pose'? Known: pose, light",
    ),
}
