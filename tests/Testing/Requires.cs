namespace KubeProxyNet.Testing;

/// <summary>What a test needs of its machine. Where that is missing the test is skipped, with the reason, and does not fail.</summary>
public static class Requires
{
    /// <summary>A command on the PATH or in /usr/sbin; returns its full path.</summary>
    public static string Tool(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(':')
        .Append("/usr/sbin")
        .Select(folder => Path.Combine(folder, name))
        .FirstOrDefault(File.Exists) ?? throw new SkippedTestException($"'{name}' is not installed");

    /// <summary>Any condition.</summary>
    public static void That(bool condition, string reason)
    {
        if (!condition)
        {
            throw new SkippedTestException(reason);
        }
    }
}

/// <summary>xunit v3 takes a message with this beginning for a skip, so that helpers need no reference to the framework.</summary>
public sealed class SkippedTestException(string reason) : Exception($"$XunitDynamicSkip${reason}");
