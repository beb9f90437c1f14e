"""The benchmarks of `gmr bench` in PyTorch: dense layers, and the official package gmr-conv in both modes.

    bench.py layers  [--shape 4,32,32,64] [--filters 64] [--kernel-sizes 3,5,7,9,11] [--threads 1] [--repeat 20]
    bench.py network [--batch 32] [--image-size 32] [--widths 64,128,256,512] [--threads 2] [--repeat 5] ...

prints the same lines of JSON as `gmr bench layers|network --json`. `gmr bench ... --peers PYTHON` runs this script with
`--serve`: it then prints `{"ready": true, "threads": n}`, answers each line of standard input (a JSON object) with one
measurement, and ends when its input does, so that all implementations take turns.

`official` is the package with default settings; `official-best` has `dw_fwd = False` on every layer, which folds the rings into
one dense kernel.
"""

import argparse
import contextlib
import json
import resource
import subprocess
import sys
import time
import types

WARM_UP = 2
LAYER_IMPLS = ("pytorch-dense", "official", "official-best")
LAYER_PASSES = ("forward", "forward+backward")
NETWORK_IMPLS = ("official", "official-best")
NETWORK_PASSES = ("train-step", "inference")


class Failure(Exception):
    """An error that the user can fix."""


def import_packages():
    """torch and GMR_Conv. The latter's transforms need undeclared packages, and are not needed here."""
    try:
        import torch
    except ImportError as error:
        raise Failure(f"{sys.executable} has no PyTorch ({error}); see tooling/peers/README.md")
    stub = types.ModuleType("GMR_Conv.transforms")
    for name in ("PadTransWrapper", "PadTransWrapper3D", "FixRotate", "FixRotateAxis"):
        setattr(stub, name, None)
    sys.modules["GMR_Conv.transforms"] = stub
    try:
        import GMR_Conv
        import GMR_Conv.gmr_resnet
    except ImportError as error:
        raise Failure(f"{sys.executable} has no gmr-conv ({error}); see tooling/peers/README.md")
    return torch, GMR_Conv


def use_mode(module, impl, gmr):
    """Switches every GMR layer to the default or to the best mode."""
    for layer in module.modules():
        if isinstance(layer, (gmr.GMR_Conv2d, gmr.GMR_Conv3d)):
            layer.dw_fwd = impl == "official"


def timed(run):
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)


def peak_mb():
    """Peak resident memory in MiB (Linux counts in KiB, macOS in bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10))


class Layers:
    """Single convolutions, stride 1, zero padding, no bias; made on first request."""

    def __init__(self, args):
        self.torch, self.gmr = import_packages()
        self.torch.set_num_threads(args.threads)
        self.torch.manual_seed(1)
        batch, height, width, self.channels = args.shape
        self.filters = args.filters
        self.x = self.torch.randn(batch, self.channels, height, width)
        self.dy = self.torch.randn(batch, self.filters, height, width)
        self.layers = {}

    def layer(self, k, impl):
        if (k, impl) not in self.layers:
            conv = self.torch.nn.Conv2d if impl == "pytorch-dense" else self.gmr.GMR_Conv2d
            layer = conv(self.channels, self.filters, kernel_size=k, padding=k // 2, bias=False)
            use_mode(layer, impl, self.gmr)
            self.layers[k, impl] = layer
        return self.layers[k, impl]

    def turn(self, request):
        layer = self.layer(request["k"], request["impl"])

        def forward():
            with self.torch.no_grad():
                layer(self.x)

        def forward_backward():
            layer.zero_grad()
            x = self.x.detach().requires_grad_()
            layer(x).backward(self.dy)

        run = forward if request["pass"] == "forward" else forward_backward
        run()  # the caches hold other processes' data
        return {"ms": timed(run), "peakMB": peak_mb()}


class Network:
    """The official ResNet: a training step of SGD with momentum, or inference, on one synthetic batch."""

    def __init__(self, args):
        expected = [args.widths[0] * 2**stage for stage in range(4)]
        if args.widths != expected or len(args.depths) != 4 or len(args.kernel_sizes) != 4:
            raise Failure("the official network has four stages, each twice as wide as the one before")
        torch, gmr = import_packages()
        torch.set_num_threads(args.threads)
        torch.manual_seed(1)
        model = gmr.GMR_ResNet(
            gmr.GMRBasicBlock,
            args.depths,
            num_classes=args.classes,
            inplanes=args.widths[0],
            gmr_conv_size=args.kernel_sizes,
            skip_first_maxpool=True,
        )
        use_mode(model, args.impl, gmr)
        images = torch.randn(args.batch, 3, args.image_size, args.image_size)
        labels = torch.arange(args.batch) % args.classes
        self.prepare(torch, model, images, labels, args)

    def prepare(self, torch, model, images, labels, args):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)
        loss_of = torch.nn.CrossEntropyLoss()

        def train_step():
            optimizer.zero_grad()
            loss = loss_of(model(images), labels)
            loss.backward()
            optimizer.step()
            loss.item()

        def inference():
            with torch.inference_mode():
                model(images)

        if args.passes == "inference":
            with torch.no_grad():
                model.eval()  # makes the folded kernels
        self.run = inference if args.passes == "inference" else train_step
        self.before_mb = peak_mb()

    def turn(self, _request):
        return {"ms": timed(self.run), "peakMB": peak_mb(), "beforeMB": self.before_mb}


def official_model(torch, gmr, name, options):
    """The official network with the options of ours: the same kernels and rings, circular and mixed."""
    channels, classes = options["inputShape"][-1], options["classes"]
    if name.startswith("gmr-resnet"):
        make = getattr(gmr.gmr_resnet, name.replace("-", "_"), None)
        if make is None:
            raise Failure(f"the official package has no {name}")
        pooled = options.get("stemPool", False)
        return make(num_classes=classes, in_channels=channels, gmr_conv_size=[9, 9, 5, 5], skip_first_maxpool=not pooled)
    if name == "gmr-unet":
        try:
            from GMR_Conv.gmr_unet import GMRUNet
        except ImportError as error:
            raise Failure(f"its U-Net needs MONAI ({error})")
        return GMRUNet(
            spatial_dims=len(options["inputShape"]) - 1,
            in_channels=channels,
            out_channels=classes,
            upsample="nontrainable",
            force_circular=True,
            gaussian_smooth=True,
        )
    if name.startswith("gmr-r3d"):
        try:
            from GMR_Conv import gmr_resnet_3d
        except ImportError as error:
            raise Failure(f"its networks for volumes need torchvision ({error})")
        make = getattr(gmr_resnet_3d, name.replace("gmr-r3d", "gmr_r3d_"))
        return make(num_classes=classes, in_channels=channels)
    raise Failure(f"the official package has no {name}")


class Model(Network):
    """A network by the name that it has in `gmr models`, at any input size."""

    def __init__(self, args):
        torch, gmr = import_packages()
        torch.set_num_threads(args.threads)
        torch.manual_seed(1)
        options = json.loads(args.options)
        with contextlib.redirect_stdout(sys.stderr):  # some networks print their options
            model = official_model(torch, gmr, args.name, options)
        use_mode(model, args.impl, gmr)
        *sizes, channels = options["inputShape"]
        images = torch.randn(args.batch, channels, *sizes)
        positions = sizes if args.name.endswith("unet") else []
        count = args.batch
        for size in positions:
            count *= size
        labels = (torch.arange(count) % options["classes"]).reshape(args.batch, *positions)
        self.prepare(torch, model, images, labels, args)


def say(value):
    print(json.dumps(value, separators=(",", ":")), flush=True)


def serve(make, args):
    """Answers requests until the end of the input."""
    try:
        bench = make(args)
        say({"ready": True, "threads": args.threads})
        for line in sys.stdin:
            say(bench.turn(json.loads(line)))
    except Failure as failure:
        say({"error": str(failure)})
        sys.exit(1)


def run_layers(args):
    bench = Layers(args)
    for k in args.kernel_sizes:
        requests = [{"k": k, "impl": impl, "pass": name} for name in LAYER_PASSES for impl in LAYER_IMPLS]
        best = [float("inf")] * len(requests)
        for number in range(WARM_UP + args.repeat):
            for i, request in enumerate(requests):
                ms = bench.turn(request)["ms"]
                if number >= WARM_UP:
                    best[i] = min(best[i], ms)
        for request, ms in zip(requests, best):
            say({"kind": "layer", "backend": "pytorch", "threads": args.threads, **request, "ms": round(ms, 3)})


def run_network(args):
    if args.impl is None or args.passes is None:
        run_each_alone(args)
        return
    bench = Network(args)
    turns = [bench.turn({}) for _ in range(WARM_UP + args.repeat)]
    say(
        {
            "kind": "network",
            "model": f"resnet{2 * sum(args.depths) + 2}",
            "backend": "pytorch",
            "threads": args.threads,
            "impl": args.impl,
            "pass": args.passes,
            "batch": args.batch,
            **turns[-1],
            "ms": round(min(turn["ms"] for turn in turns[WARM_UP:]), 3),
        }
    )


def run_each_alone(args):
    """One process for each mode and pass, so that their memory peaks stay separate."""
    for name in NETWORK_PASSES if args.passes is None else [args.passes]:
        for impl in NETWORK_IMPLS if args.impl is None else [args.impl]:
            command = [sys.executable, *sys.argv, "--impl", impl, "--pass", name]
            if subprocess.run(command, check=False).returncode != 0:
                sys.exit(1)


def integers(text):
    values = [int(part) for part in text.split(",")]
    if min(values) < 1:
        raise argparse.ArgumentTypeError("expected positive integers")
    return values


def shape(text):
    values = integers(text)
    if len(values) != 4:
        raise argparse.ArgumentTypeError("expected batch,height,width,channels")
    return values


def positive(text):
    return integers(text)[0]


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    commands = parser.add_subparsers(dest="command", required=True)
    layers = commands.add_parser("layers", allow_abbrev=False)
    layers.add_argument("--shape", type=shape, default=[4, 32, 32, 64], help="batch, height, width, channels")
    layers.add_argument("--filters", type=positive, default=64, help="output channels")
    layers.add_argument("--kernel-sizes", type=integers, default=[3, 5, 7, 9, 11], help="odd")
    network = commands.add_parser("network", allow_abbrev=False)
    network.add_argument("--batch", type=positive, default=32, help="images")
    network.add_argument("--image-size", type=positive, default=32, help="their side; they have three channels")
    network.add_argument("--widths", type=integers, default=[64, 128, 256, 512], help="channels per stage")
    network.add_argument("--depths", type=integers, default=[2, 2, 2, 2], help="blocks per stage")
    network.add_argument("--kernel-sizes", type=integers, default=[9, 9, 5, 5], help="one per stage, odd")
    network.add_argument("--classes", type=positive, default=10)
    network.add_argument("--impl", choices=NETWORK_IMPLS, help="default: both")
    network.add_argument("--pass", dest="passes", choices=NETWORK_PASSES, help="default: both")
    model = commands.add_parser("model", allow_abbrev=False, help="answers `gmr bench models --peers`")
    model.add_argument("--name", required=True, help="as in `gmr models`")
    model.add_argument("--options", required=True, help="its options, as JSON")
    model.add_argument("--batch", type=positive, default=2, help="images or volumes")
    model.add_argument("--impl", choices=NETWORK_IMPLS, required=True)
    model.add_argument("--pass", dest="passes", choices=NETWORK_PASSES, required=True)
    for command, threads, repeat in ((layers, 1, 20), (network, 2, 5), (model, 2, 5)):
        command.add_argument("--threads", type=positive, default=threads)
        command.add_argument("--repeat", type=positive, default=repeat, help="counted runs of each measurement")
        command.add_argument("--serve", action="store_true", help="measure on request")
    return parser.parse_args()


def main():
    args = parse()
    if args.serve:
        serve({"layers": Layers, "network": Network, "model": Model}[args.command], args)
        return
    if args.command == "model":
        sys.exit("`model` needs --serve")
    try:
        (run_layers if args.command == "layers" else run_network)(args)
    except Failure as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
