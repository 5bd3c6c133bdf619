using System.Diagnostics;
using System.Globalization;
using KubeProxyNet.Fuzz.Parsers;

namespace KubeProxyNet.Fuzz;

/// <summary>The command line of the fuzzer.</summary>
public static class FuzzCommand
{
    private const string Usage = $"""
        run --target T [--cases N] [--seed S] [--first I]   runs N cases from number I on; the seed is today's date unless given
        corpus --target T --output DIR                      writes what mutation begins with, a file each, for other fuzzers
        file --target T PATH...                             judges the bytes of files, such as those that afl-fuzz kept
        afl --target T                                      judges the input that afl-fuzz gives; see afl.sh
        T is one of {FuzzOptions.Targets}; the last two of them only for run.
        """;

    /// <summary>Runs a command. 0: nothing was found; 1: something was; 2: the arguments are none.</summary>
    public static int Run(string[] arguments, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        ArgumentNullException.ThrowIfNull(output);
        switch (arguments)
        {
            case ["run", .. var rest] when FuzzOptions.Parse(rest) is { } options:
                return Run(options, output);
            case ["corpus", "--target", var target, "--output", var folder]:
                return WithTarget(target, output, one => ExportCorpus(one, folder));
            case ["file", "--target", var target, .. var paths]:
                return WithTarget(target, output, one => JudgeFiles(one, paths, output));
            case ["afl", "--target", "request" or "response" or "chunked" or "hpack"]:
                return AflTarget.Run(arguments[2]);
            default:
                output.WriteLine(Usage);
                return 2;
        }
    }

    private static int Run(FuzzOptions options, TextWriter output)
    {
        var watch = Stopwatch.StartNew();
        output.WriteLine($"target {options.Target}, {options.Cases} cases from {options.First}, seed {options.Seed}{(IsChecked ? ", checked build" : "")}");
        var isGood = options.Target == "connection" ? Connections.ConnectionRun.Run(options, output)
            : options.Target == "frames" ? Connections.FrameRun.Run(options, output)
            : ParserRun.Target(options.Target) is { } target ? Dispose(target) && ParserRun.Run(options, output)
            : throw new ArgumentException($"'{options.Target}' is none of {FuzzOptions.Targets}.", nameof(options));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(isGood ? "nothing found" : "FAILED")} in {watch.Elapsed.TotalSeconds:F1} s"));
        return isGood ? 0 : 1;
    }

    /// <summary>True where the proxy was built with its own checks.</summary>
    private static bool IsChecked => typeof(Proxy.Transport.Block).GetField("Rented") is not null;

    private static int WithTarget(string name, TextWriter output, Func<IParserTarget, int> run)
    {
        using var target = ParserRun.Target(name);
        if (target is not null)
        {
            return run(target);
        }

        output.WriteLine(Usage);
        return 2;
    }

    private static int ExportCorpus(IParserTarget target, string folder)
    {
        Directory.CreateDirectory(folder);
        for (var i = 0; i < target.Corpus.Length; i++)
        {
            File.WriteAllBytes(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{i:d4}")), target.Corpus[i]);
        }

        return 0;
    }

    private static int JudgeFiles(IParserTarget target, string[] paths, TextWriter output)
    {
        var status = 0;
        foreach (var path in paths)
        {
            try
            {
                AflTarget.Judge(target, File.ReadAllBytes(path));
                output.WriteLine($"{path}: nothing found");
            }
            catch (Exception e)
            {
                output.WriteLine($"{path}: {(e is FuzzFailure ? e.Message : e.ToString())}");
                status = 1;
            }
        }

        return status;
    }

    private static bool Dispose(IParserTarget target)
    {
        target.Dispose();
        return true;
    }
}
