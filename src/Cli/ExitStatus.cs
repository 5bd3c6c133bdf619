namespace KubeProxyNet.Cli;

/// <summary>What the process returns.</summary>
internal static class ExitStatus
{
    public const int Success = 0;

    /// <summary>The input (a file, an address) is wrong.</summary>
    public const int WrongInput = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    /// <summary>Prints a fault on standard error and gives the status for it.</summary>
    public static int Fail(string message)
    {
        foreach (var line in message.Split(Environment.NewLine))
        {
            Console.Error.WriteLine($"kpn: {line}");
        }

        return WrongInput;
    }
}
