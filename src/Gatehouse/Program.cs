using Gatehouse.Cli;

return await CommandLine.RunAsync(args, Terminal.OfProcess());
