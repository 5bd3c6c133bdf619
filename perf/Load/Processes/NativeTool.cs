namespace KubeProxyNet.Load.Processes;

/// <summary>The tools that a comparison needs, and our own C programs, built on the spot.</summary>
internal static class NativeTool
{
    /// <summary>Throws where a command is missing, and says how to get it.</summary>
    public static void Require(IEnumerable<string> commands)
    {
        var missing = commands.Where(c => Find(c) is null).ToList();
        if (missing.Count > 0)
        {
            throw new LoadException($"not installed: {string.Join(", ", missing)}. On Debian: apt-get install nginx haproxy wrk nghttp2-client gcc libc6-dev util-linux");
        }
    }

    /// <summary>Compiles Native/NAME.c into <paramref name="folder"/> and returns the binary's path.</summary>
    /// <param name="libraries">What it needs beside the C library, by the names that the linker knows.</param>
    public static async Task<string> CompileAsync(string name, string folder, CancellationToken cancel, params string[] libraries)
    {
        var binary = Path.Combine(folder, name);
        var source = Path.Combine(AppContext.BaseDirectory, "Native", $"{name}.c");
        var (status, output) = await RunningProcess.TryRunAsync("gcc", ["-O2", "-Wall", "-o", binary, source, "-lm", .. libraries.Select(l => $"-l{l}")], cancel);
        if (status != 0 && libraries.Length > 0 && (output.Contains("No such file", StringComparison.Ordinal) || output.Contains("cannot find", StringComparison.Ordinal)))
        {
            throw new LoadException($"Native/{name}.c needs headers of OpenSSL 3 that are not installed. On Debian: apt-get install libssl-dev\n{output}");
        }

        return status == 0 ? binary : throw new LoadException($"gcc ended with status {status}:\n{output}");
    }

    /// <summary>Whether a command is installed.</summary>
    public static bool Has(string command) => Find(command) is not null;

    /// <summary>The full path of a command; daemons live in /usr/sbin, which is not on every user's PATH.</summary>
    public static string PathOf(string command) => Find(command) ?? command;

    private static string? Find(string command) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(':')
        .Append("/usr/sbin")
        .Select(folder => Path.Combine(folder, command))
        .FirstOrDefault(File.Exists);
}
